import { keys } from '@showtell/shared/keys';
import {
  checkpointKeys,
  listCheckpoints,
  newestCheckpoint,
  readCheckpoint,
  readCheckpointFiles,
  saveCheckpoint,
} from '../../src/checkpoint/checkpoints';
import { decodeTrainerFiles, TRAINER_FILES } from '../../src/checkpoint/files';
import { dyingStore, temporaryStore } from '../temporary-store';
import { saveTiny, trainingRecord, trainingState, VOCABULARY } from './tiny-checkpoint';

const store = temporaryStore();

test('what was saved is read back to the last bit', async () => {
  const saved = await saveTiny(store, 'back', 3);
  const found = await newestCheckpoint(store, 'back');
  expect(found).toEqual(saved);
  const { cursor, state, vocabulary, training } = decodeTrainerFiles(await readCheckpointFiles(store, found!, TRAINER_FILES), 'x/');
  expect(cursor).toEqual({ formatVersion: 1, seed: 7, step: 3, epoch: 0, batch: 3, lossSum: 1, lossCount: 30, best: null });
  expect(state).toEqual(trainingState(3));
  expect(vocabulary.toJSON()).toEqual(VOCABULARY.toJSON());
  expect(training).toEqual(trainingRecord('back'));
});

test('the newest checkpoint is that of the latest lease epoch, then of the highest step', async () => {
  await saveTiny(store, 'order', 10);
  await saveTiny(store, 'order', 40);
  await saveTiny(store, 'order', 20, { leaseEpoch: 2 });
  await saveTiny(store, 'order', 15, { leaseEpoch: 2 });
  expect((await checkpointKeys(store, 'order')).map(({ step, leaseEpoch }) => [leaseEpoch, step])).toEqual([
    [1, 10],
    [1, 40],
    [2, 15],
    [2, 20],
  ]);
  expect((await newestCheckpoint(store, 'order'))!.record).toMatchObject({ step: 20, leaseEpoch: 2 });
});

test('a trainer that dies before COMMIT.json has saved nothing; the checkpoint before stays the newest', async () => {
  const before = await saveTiny(store, 'killed', 1);
  const parts = TRAINER_FILES.length;
  for (let write = 0; write <= parts; write++) {
    const dying = dyingStore(store, write);
    await expect(saveTiny(dying, 'killed', 2, { leaseEpoch: 100 + write })).rejects.toThrow('killed');
    expect(await newestCheckpoint(store, 'killed')).toEqual(before);
    expect(await listCheckpoints(store, 'killed')).toEqual([before]);
  }
  const dying = dyingStore(store, parts + 1);
  await saveTiny(dying, 'killed', 2, { leaseEpoch: 2 });
  expect((await newestCheckpoint(store, 'killed'))!.record.step).toBe(2);
});

test('saving the same checkpoint again succeeds: the first answer may have been lost', async () => {
  const first = await saveTiny(store, 'twice', 5);
  expect(await saveTiny(store, 'twice', 5)).toEqual(first);
});

test('another checkpoint under the same key is never taken for ours', async () => {
  await saveTiny(store, 'clash', 5);
  const figures = {
    training: 'clash',
    step: 5,
    epoch: 0,
    leaseEpoch: 1,
    loss: 2,
    validationLoss: null,
    validationCider: null,
    learningRate: 0.001,
  };
  await expect(saveCheckpoint(store, figures, { 'cursor.json': Buffer.from('{}') })).rejects.toMatchObject({ code: 'BUG' });
});

test.each([...TRAINER_FILES])('a changed %s is CORRUPT_CHECKPOINT and named', async (name) => {
  const training = `damaged-${name.replace('.', '-')}`;
  const checkpoint = await saveTiny(store, training, 1);
  const key = checkpoint.folder + name;
  const { body } = (await store.get(key))!;
  body[body.length - 3]! ^= 4;
  await store.put(key, body);
  await expect(readCheckpointFiles(store, checkpoint, TRAINER_FILES)).rejects.toMatchObject({
    code: 'CORRUPT_CHECKPOINT',
    message: expect.stringContaining(key),
  });
});

test('a file that is gone is CORRUPT_CHECKPOINT and named', async () => {
  const checkpoint = await saveTiny(store, 'gone', 1);
  await store.delete(`${checkpoint.folder}cursor.json`);
  await expect(readCheckpointFiles(store, checkpoint, TRAINER_FILES)).rejects.toMatchObject({
    code: 'CORRUPT_CHECKPOINT',
    message: expect.stringContaining('cursor.json'),
  });
});

test.each([
  ['no JSON', 'CORRUPT_CHECKPOINT', 'not json'],
  ['no record', 'CORRUPT_CHECKPOINT', '{"formatVersion": 2}'],
  ['of another version', 'FORMAT_VERSION', '{"formatVersion": 99}'],
])('a COMMIT.json that is %s is %s', async (_name, code, text) => {
  const at = keys.checkpoint('broken', 1, 1);
  await store.put(`${at}COMMIT.json`, Buffer.from(text));
  await expect(readCheckpoint(store, at)).rejects.toMatchObject({ code, message: expect.stringContaining(at) });
});
