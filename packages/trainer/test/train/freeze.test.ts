import { FileStore } from '@showtell/shared/object-store/file';
import { differences } from '../../src/train/differences';
import { freezeTraining, readTraining } from '../../src/train/freeze';
import { temporaryFolder, temporaryStore } from '../temporary-store';
import { TINY, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(() => writeTinyRun(store));

const request = { runs: ['tiny'], preset: 'seed', hyperparameters: TINY };

test('a request is frozen with everything that follows from the run', async () => {
  const { record, created } = await freezeTraining(store, request);
  expect(created).toBe(true);
  expect(record).toMatchObject({
    training: 'tiny-seed',
    manifests: [{ run: 'tiny', key: 'runs/tiny/manifests/1.json' }],
    trainSplits: [{ run: 'tiny', split: 'train' }],
    validationSplits: [{ run: 'tiny', split: 'val' }],
    from: null,
    seed: 0,
  });
  expect(record.hyperparameters).toMatchObject({ units: 8, beta2: 0.999 });
  expect(await readTraining(store, 'tiny-seed')).toEqual(record);
});

test('the same again is the same training, even when the run has a newer manifest by now', async () => {
  const first = await freezeTraining(store, { ...request, training: 'again' });
  await writeTinyRun(store, 'tiny', 2);
  expect(await freezeTraining(store, { ...request, training: 'again' })).toEqual({ record: first.record, created: false });
});

test('the same name with other settings is TRAINING_EXISTS and lists every difference', async () => {
  await freezeTraining(store, { ...request, training: 'taken' });
  const other = { ...request, training: 'taken', hyperparameters: { ...TINY, epochs: 9 }, seed: 4, validationSplits: [] };
  await expect(freezeTraining(store, other)).rejects.toMatchObject({
    code: 'TRAINING_EXISTS',
    message: expect.stringMatching(
      /hyperparameters\.epochs: 3 there, 9 asked for[^]*validationSplits: \[{"run":"tiny","split":"val"}\] there, \[\][^]*seed: 0 there, 4/,
    ),
  });
});

test('of many who freeze at once all get the same record', async () => {
  const frozen = await Promise.all(Array.from({ length: 8 }, () => freezeTraining(store, { ...request, training: 'race' })));
  for (const { record } of frozen) expect(record).toEqual(frozen[0]!.record);
});

test('whoever created it is told so, though the answer was lost', async () => {
  const { path, remove } = temporaryFolder();
  class LostAnswer extends FileStore {
    override async putIfAbsent(...args: Parameters<FileStore['putIfAbsent']>): Promise<{ readonly created: false }> {
      await super.putIfAbsent(...args);
      return { created: false };
    }
  }
  const lossy = new LostAnswer(path);
  await writeTinyRun(lossy);
  const { record, created } = await freezeTraining(lossy, request);
  expect(created).toBe(true);
  expect(await freezeTraining(lossy, request)).toEqual({ record, created: false });
  remove();
});

test.each([
  ['split', { trainSplits: [{ split: 'dev' }] }, 'NOT_FOUND', /"dev".*train, val/],
  ['validation split', { validationSplits: [{ split: 'dev' }] }, 'NOT_FOUND', /"dev".*train, val/],
  ['run', { runs: ['absent'], training: 'other' }, 'NOT_FOUND', /absent/],
  ['run to validate on', { validationSplits: [{ run: 'absent', split: 'val' }] }, 'NOT_FOUND', /absent/],
  ['pair of runs, the same twice,', { runs: ['tiny', 'tiny'], training: 'other' }, 'CONFIG_INVALID', /tiny is to be trained on twice/],
  ['patience, with nothing to validate on,', { validationSplits: [], hyperparameters: { patience: 2 } }, 'CONFIG_INVALID', /patience/],
  ['model to begin with', { from: 'absent@best' }, 'NOT_FOUND', /"absent"/],
  ['preset', { preset: 'absent' }, 'NOT_FOUND', /seed/],
  ['name', { training: 'Not A Name' }, 'CONFIG_INVALID', /training name/],
])('a wrong %s is told', async (_what, change, code, message) => {
  await expect(freezeTraining(store, { ...request, ...change })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('an unknown training is NOT_FOUND', async () => {
  await expect(readTraining(store, 'nothing')).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('tiny-seed') });
});

test('differences name the place', () => {
  expect(differences({ a: 1, b: { c: [1], d: null } }, { a: 1, b: { c: [1, 2] }, e: 'x' })).toEqual([
    'b.c: [1] there, [1,2] asked for',
    'b.d: null there, nothing asked for',
    'e: nothing there, "x" asked for',
  ]);
  expect(differences({ a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } })).toEqual([]);
});
