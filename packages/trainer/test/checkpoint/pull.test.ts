import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keys } from '@showtell/shared/keys';
import { describeOnSmallDisk } from '../../../shared/test/small-disk';
import { CAPTIONER_FILES, TRAINER_FILES } from '../../src/checkpoint/files';
import { openCheckpointFolder } from '../../src/checkpoint/folder';
import { publishCheckpoint } from '../../src/checkpoint/publish';
import { pullCheckpoint } from '../../src/checkpoint/pull';
import { openFileStore, temporaryFolder } from '../temporary-store';
import { ENCODER, ENCODER_WEIGHTS } from '../tiny-run';
import { saveTiny, trainingRecord, trainingState, VOCABULARY } from './tiny-checkpoint';

const folder = temporaryFolder();
const store = openFileStore(join(folder.path, 'store'));
const out = (name: string) => join(folder.path, 'out', name);
beforeAll(async () => {
  await store.put(keys.trainingJson('pets'), Buffer.from('{}'));
  await store.put(keys.weights(ENCODER.weightsSha256), ENCODER_WEIGHTS);
  await publishCheckpoint(store, await saveTiny(store, 'pets', 3), { leaseEpoch: 1, by: 'test', best: null });
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

test('a pulled folder holds everything that captions need, the encoder too', async () => {
  const pulled = await pullCheckpoint(store, 'pets', out('whole'));
  expect(pulled.path).toBe(out('whole'));
  const opened = await openCheckpointFolder(out('whole'));
  expect(opened.training).toEqual(trainingRecord('pets'));
  expect(opened.vocabulary.toJSON()).toEqual(VOCABULARY.toJSON());
  expect(opened.weights).toEqual(trainingState(3).weights);
  expect(opened.decoding).toEqual({ maxLength: 8, beam: 1, lengthNormalization: 0, blockUnknown: true, blockRepeats: 0 });
  expect(opened.preprocessing).toMatchObject({ encoder: ENCODER, input: [299, 299, 3], weightsKey: keys.weights(ENCODER.weightsSha256) });
  expect(readFileSync(opened.encoderWeights)).toEqual(ENCODER_WEIGHTS);
  expect(readdirSync(out(''))).toEqual(['whole']);
  expect(readdirSync(out('whole')).sort()).toEqual([...CAPTIONER_FILES, 'COMMIT.json', 'encoder.weights'].sort());
});

test('what only a trainer needs comes along when asked for, and may go again', async () => {
  const path = out('with-optimizer');
  const pulled = await pullCheckpoint(store, 'pets', path, { withOptimizer: true });
  expect(readdirSync(path).sort()).toEqual([...TRAINER_FILES, 'COMMIT.json', 'encoder.weights'].sort());
  expect(pulled.bytes).toBeGreaterThan((await pullCheckpoint(store, 'pets', out('without'))).bytes);
  unlinkSync(join(path, 'optimizer.safetensors'));
  await expect(openCheckpointFolder(path)).resolves.toMatchObject({ record: { step: 3 } });
});

test.each([...TRAINER_FILES, 'encoder.weights'])('a pulled folder with a changed %s does not open', async (name) => {
  const path = out(`changed-${name}`);
  await pullCheckpoint(store, 'pets', path, { withOptimizer: true });
  const body = readFileSync(join(path, name));
  body[body.length - 2]! ^= 1;
  writeFileSync(join(path, name), body);
  await expect(openCheckpointFolder(path)).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT', message: expect.stringContaining(name) });
  if (name === 'cursor.json' || name === 'optimizer.safetensors') return;
  unlinkSync(join(path, name));
  await expect(openCheckpointFolder(path)).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT', message: expect.stringContaining(name) });
});

test('a folder that is none, or absent, is NOT_FOUND', async () => {
  await expect(openCheckpointFolder(folder.path)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('not a pulled checkpoint'),
  });
  await expect(openCheckpointFolder(out('absent'))).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('no folder'),
    hint: expect.stringContaining('pull'),
  });
});

test('a folder that is not empty is left as it is; so is a file', async () => {
  const [full, file] = [temporaryFolder(), join(folder.path, 'file')];
  writeFileSync(join(full.path, 'mine'), 'x');
  writeFileSync(file, 'x');
  for (const path of [full.path, file]) await expect(pullCheckpoint(store, 'pets', path)).rejects.toMatchObject({ code: 'USAGE' });
  expect(readdirSync(full.path)).toEqual(['mine']);
  full.remove();
});

test('an empty folder is filled', async () => {
  const empty = temporaryFolder();
  await pullCheckpoint(store, 'pets', empty.path);
  await expect(openCheckpointFolder(empty.path)).resolves.toMatchObject({ record: { step: 3 } });
  empty.remove();
});

describeOnSmallDisk('a full disk', 16 * 1024, (disk) => {
  test('is said, and nothing is left behind', async () => {
    await expect(pullCheckpoint(store, 'pets', join(disk, 'pets'))).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining(join(disk, 'pets')),
    });
    expect(readdirSync(disk)).toEqual([]);
  });
});

test('a folder that cannot be made', async () => {
  const file = join(folder.path, 'a-file');
  writeFileSync(file, '');
  await expect(pullCheckpoint(store, 'pets', join(file, 'pets'))).rejects.toMatchObject({ exitCode: 2 });
});

test('damage in the store leaves no folder behind', async () => {
  const checkpoint = await saveTiny(store, 'pets', 9);
  await store.put(`${checkpoint.folder}decoding.json`, Buffer.from('{}'));
  const before = readdirSync(out(''));
  await expect(pullCheckpoint(store, 'pets:9', out('damaged'))).rejects.toMatchObject({
    code: 'CORRUPT_CHECKPOINT',
    message: expect.stringContaining('decoding.json'),
  });
  await store.put(keys.weights(ENCODER.weightsSha256), Buffer.from('others'));
  await expect(pullCheckpoint(store, 'pets', out('damaged'))).rejects.toMatchObject({
    code: 'CORRUPT_CHECKPOINT',
    message: expect.stringContaining(keys.weights(ENCODER.weightsSha256)),
  });
  expect(readdirSync(out(''))).toEqual(before);
});
