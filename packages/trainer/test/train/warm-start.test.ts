import { newestCheckpoint, readCheckpointFiles } from '../../src/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '../../src/checkpoint/files';
import { resolveModel } from '../../src/checkpoint/model-name';
import type { TrainEvent } from '../../src/train/events';
import { freezeTraining, type TrainingRequest } from '../../src/train/freeze';
import { train } from '../../src/train/train';
import { temporaryStore } from '../temporary-store';
import { ENCODER, TINY, tinyCaption, writeTinyRun } from '../tiny-run';

const store = temporaryStore();
beforeAll(async () => {
  await writeTinyRun(store);
  await writeTinyRun(store, 'nights', 1, { captions: (image) => [`${tinyCaption(image)} tonight`] });
  await writeTinyRun(store, 'foreign', 1, { captions: () => ['kein wort davon'] });
  await writeTinyRun(store, 'int8', 1, { encoder: { ...ENCODER, precision: 'int8' } });
  await freezeTraining(store, { runs: ['tiny'], training: 'first', hyperparameters: { ...TINY, epochs: 8 }, seed: 1 });
  await run('first');
});

async function run(training: string): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  await train(store, training, { holder: training, threads: 1, onEvent: (event) => events.push(event) });
  return events;
}
const warm = (training: string, request: Partial<TrainingRequest> = {}) =>
  freezeTraining(store, { runs: ['nights'], training, from: 'first', ...request });
const epochs = (events: TrainEvent[]) => events.flatMap((event) => (event.event === 'epoch' ? [event] : []));
const filesOf = async (training: string) =>
  decodeTrainerFiles(await readCheckpointFiles(store, (await newestCheckpoint(store, training))!, TRAINER_FILES), training);

test('network, vocabulary and weights come from the checkpoint, the rest from settings; the record says which one', async () => {
  const { record } = await warm('second', { hyperparameters: { epochs: 2, learningRate: 0.001 } });
  const { folder: checkpoint, sha256 } = await resolveModel(store, 'first');
  expect(record).toMatchObject({ preset: 'seed', from: { model: 'first', checkpoint, sha256 }, seed: 0 });
  expect(record.hyperparameters).toEqual({ ...(await filesOf('first')).training.hyperparameters, epochs: 2, learningRate: 0.001 });
  const events = await run('second');
  // Untrained it would begin at the logarithm of the vocabulary's size.
  const fresh = Math.log((await filesOf('first')).vocabulary.size);
  expect(epochs(events)[0]!.loss).toBeLessThan(0.9 * fresh);
  const { vocabulary, cursor } = await filesOf('second');
  expect(vocabulary.toJSON()).toEqual((await filesOf('first')).vocabulary.toJSON());
  expect(vocabulary.toJSON().words).not.toContain('tonight');
  expect(cursor.step).toBe(2 * 5);
});

test('with a learning rate of next to nothing it stays what it was', async () => {
  await warm('still', { runs: ['tiny'], hyperparameters: { epochs: 1, learningRate: 1e-12 } });
  const [only] = epochs(await run('still'));
  const best = await resolveModel(store, 'first');
  expect(only!.validationLoss).toBeCloseTo(best.record.validationLoss!, 6);
  expect(only!.validationCider).toBe(best.record.validationCider);
});

test('a preset gives what does not shape the network', async () => {
  const { record } = await warm('preset', { preset: 'seed', hyperparameters: { epochs: 1 } });
  expect(record.hyperparameters).toMatchObject({
    units: TINY.units,
    embedding: TINY.embedding,
    minWordCount: 1,
    maxLength: 30,
    batchSize: 128,
  });
  await expect(run('preset')).resolves.toBeDefined();
});

test('without a name it is called after both', async () => {
  const { record } = await freezeTraining(store, { runs: ['nights'], from: 'first@latest' });
  expect(record.training).toBe('nights-from-first');
});

test('the same again is the same training, even when the model is another checkpoint by now', async () => {
  const first = await warm('again', { from: 'first@latest' });
  const moved = first.record.from!.checkpoint.replace(/\d{8}-/, '00000009-');
  const alias = 'trainings/first/aliases/latest.json';
  const before = (await store.get(alias))!;
  await store.put(alias, Buffer.from(before.body.toString().replace(first.record.from!.checkpoint, moved)));
  expect(await warm('again', { from: 'first@latest' })).toEqual({ record: first.record, created: false });
  await store.put(alias, before.body);
});

test.each<[string, Partial<TrainingRequest>, string, RegExp]>([
  [
    'another shape',
    { hyperparameters: { units: 16, epochs: 2 } },
    'CONFIG_INVALID',
    /checkpoint first, which has units=8; units=16 does not fit it/,
  ],
  ['another vocabulary', { hyperparameters: { minWordCount: 5 } }, 'CONFIG_INVALID', /minWordCount=1; minWordCount=5/],
  [
    'another encoder',
    { runs: ['int8'] },
    'MIXED_ENCODER',
    /checkpoint first and run int8 .*\n.*precision: "float32" in checkpoint first, "int8" in run int8/,
  ],
  ['no such step', { from: 'first:7' }, 'NOT_FOUND', /first has no step 7; there are: first:/],
  ['no MODEL at all', { from: 'a/b' }, 'USAGE', /TRAINING@ALIAS/],
])('refused: %s', async (_what, request, code, message) => {
  await expect(warm('refused', request)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('captions of which the vocabulary knows no word are refused', async () => {
  await warm('strange', { runs: ['foreign'] });
  await expect(run('strange')).rejects.toMatchObject({
    code: 'EMPTY_DATASET',
    exitCode: 3,
    message: expect.stringContaining('foreign:train: no word is in the vocabulary of checkpoint first'),
    hint: expect.stringContaining('--from'),
  });
});

test('a checkpoint that was changed since is CORRUPT_CHECKPOINT', async () => {
  const { record } = await warm('changed', { from: 'first:9' });
  const key = `${record.from!.checkpoint}COMMIT.json`;
  await store.put(key, Buffer.from((await store.get(key))!.body.toString().replace('"epoch":1', '"epoch":2')));
  await expect(run('changed')).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT', message: expect.stringContaining(key) });
});
