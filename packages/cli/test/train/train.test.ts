import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EXIT } from '@showtell/shared/errors';
import { openFileStore, temporaryFolder } from '../../../trainer/test/temporary-store';
import { ENCODER, TINY, tinyCaption, writeTinyRun } from '../../../trainer/test/tiny-run';
import { expectOneMessage, runProgram } from '../run-program';

const folder = temporaryFolder();
const store = openFileStore(join(folder.path, 'store'));
const env = { SHOWTELL_STORE: pathToFileURL(join(folder.path, 'store')).href, SHOWTELL_LOCK_SECONDS: '1' };
const tiny = Object.entries({ ...TINY, epochs: 2 }).flatMap(([name, value]) => ['--set', `${name}=${String(value)}`]);
const train = (...args: string[]) => runProgram(['train', ...args, '--here'], { cwd: folder.path, env });
const show = (...args: string[]) => runProgram(['checkpoints', ...args], { cwd: folder.path, env });

beforeAll(async () => {
  await writeTinyRun(store);
  await writeTinyRun(store, 'karpathy', 1, {
    shards: [
      ['train', 200, 10],
      ['restval', 210, 10],
      ['val', 220, 6],
      ['test', 230, 6],
    ],
  });
  await writeTinyRun(store, 'int8', 1, { encoder: { ...ENCODER, precision: 'int8' } });
  await writeTinyRun(store, 'long', 1, { captions: () => ['one two three four five six seven eight nine ten'] });
  await writeTinyRun(store, 'bare', 1, { captions: (image) => (image < 100 ? [] : [tinyCaption(image)]) });
  await train('tiny', '--name', 'first', ...tiny);
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

test('each epoch says what it is worth, and so does the list of checkpoints', async () => {
  const { code, stdout } = await train('tiny', '--name', 'told', ...tiny);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Epoch 2\/2 {2}loss \d\.\d{4} {2}validation loss \d\.\d{4} {2}CIDEr \d\.\d{4}( \(best\))? {2}\d/);
  const listed = await show('told');
  expect(listed.stdout).toMatch(/MODEL +EPOCH +STEP +LEARNING RATE +LOSS +VALIDATION LOSS +CIDER +ALIASES/);
  expect(listed.stdout).toMatch(/told:18 +2 +18 +0\.02 +\d\.\d{4} +\d\.\d{4} +\d\.\d{4} +.*@latest/);
  expect(JSON.parse((await show('told', '--json')).stdout)).toMatchObject([
    { step: 9 },
    { step: 18, learningRate: 0.02, validationCider: expect.any(Number) },
  ]);
});

test('a training of which a record is damaged hides none of the others', async () => {
  await store.put('trainings/torn/training.json', Buffer.from('{'));
  const [listed, told] = [await show(), await show('--json')];
  await store.delete('trainings/torn/training.json');
  expect(listed.code).toBe(EXIT.DAMAGED);
  expectOneMessage(listed.stderr, 'CORRUPT_OBJECT');
  expect(listed.stdout).toMatch(/^first +complete [^]*^unreadable torn: trainings\/torn\/training\.json is not JSON$/m);
  const trainings = JSON.parse(told.stdout) as { training: string; state: string }[];
  expect(trainings).toContainEqual(expect.objectContaining({ training: 'first', state: 'complete' }));
  expect(trainings).toContainEqual(expect.objectContaining({ training: 'torn', state: 'unreadable' }));
});

test("several runs, Karpathy's splits, another run's split to validate on, and a checkpoint to begin with", async () => {
  const splits = ['--train-split', 'train,restval', '--validation-split', 'karpathy:val,tiny:val'];
  const both = await train('tiny', 'karpathy', '--name', 'both', ...splits, ...tiny);
  expect(both).toMatchObject({ code: 0, stdout: expect.stringMatching(/Training both: 106 captions, 36 to validate on/) });
  const tuned = await train(
    'karpathy',
    '--from',
    'both@best',
    '--validation-split',
    'none',
    '--set',
    'epochs=1',
    '--set',
    'learningRate=0.001',
  );
  expect(tuned).toMatchObject({ code: 0, stdout: expect.stringContaining('checkpoints karpathy-from-both') });
  const listed = JSON.parse((await show('--json')).stdout) as { training: string }[];
  expect(listed.find(({ training }) => training === 'both')).toMatchObject({
    runs: ['tiny', 'karpathy'],
    bestMetric: { name: 'validationCider' },
  });
});

test('features that memory does not hold are told, with what to do', async () => {
  const some = await train('tiny', '--name', 'little', '--feature-memory', '1kB', ...tiny);
  expect(some.stdout).toMatch(
    /Of .* GB of features .* are kept in memory \(--feature-memory\), which takes long.*--set shuffleWindow=\d+ /,
  );
  expect(some.code).toBe(0);
});

test.each<[string, number, string, RegExp, string[]]>([
  ['mixed encoders', EXIT.DAMAGED, 'MIXED_ENCODER', /run tiny and run int8/, ['tiny', 'int8']],
  ['an empty split', EXIT.USAGE, 'NOT_FOUND', /"train" with captions: run bare has val/, ['bare']],
  ['captions longer than the limit', EXIT.INPUT, 'EMPTY_DATASET', /33 of more than 8 words/, ['long', ...tiny]],
  ['unknown words only', EXIT.INPUT, 'EMPTY_DATASET', /none occurs 500 times/, ['tiny', '--name', 'unknown', '--set', 'minWordCount=500']],
  [
    'a rate that diverges',
    EXIT.DIVERGED,
    'DIVERGED',
    /at step \d+ the loss is/,
    ['tiny', '--name', 'wild', ...tiny, '--set', 'learningRate=20000'],
  ],
  [
    'a split to train on and to validate on',
    EXIT.USAGE,
    'CONFIG_INVALID',
    /tiny:val would be both/,
    ['tiny', '--train-split', 'train,val', '--validation-split', 'val'],
  ],
  [
    'a training resumed with other settings',
    EXIT.USAGE,
    'TRAINING_EXISTS',
    /batchSize: 8 there, 9 asked for/,
    ['tiny', '--name', 'first', '--resume', '--set', 'batchSize=9'],
  ],
  [
    'another network than the checkpoint has',
    EXIT.USAGE,
    'CONFIG_INVALID',
    /units=8; units=9 does not fit/,
    ['tiny', '--from', 'first', '--set', 'units=9'],
  ],
  [
    'another vocabulary than the checkpoint has',
    EXIT.USAGE,
    'CONFIG_INVALID',
    /minWordCount=1; minWordCount=4/,
    ['tiny', '--from', 'first', '--set', 'minWordCount=4'],
  ],
  [
    'patience with nothing to validate on',
    EXIT.USAGE,
    'CONFIG_INVALID',
    /patience/,
    ['tiny', '--validation-split', 'none', '--set', 'patience=2'],
  ],
  ['a name of splits that is none', EXIT.USAGE, 'USAGE', /Expected SPLIT or RUN:SPLIT/, ['tiny', '--train-split', 'train,,val']],
])('refused: %s', async (_what, exit, code, message, args) => {
  const { code: ended, stderr } = await train(...args);
  const said = stderr.slice(stderr.search(/^[A-Z_]+: /m));
  expectOneMessage(said, code);
  expect(said).toMatch(message);
  expect(ended).toBe(exit);
});
