import { keys } from '@showtell/shared/keys';
import { encodeRecord } from '@showtell/shared/schema/record';
import { listCheckpoints } from '../src/checkpoint/checkpoints';
import { Lease } from '../src/checkpoint/lease';
import { resolveModel } from '../src/checkpoint/model-name';
import { publishCheckpoint } from '../src/checkpoint/publish';
import { lookAtTraining, removeTraining } from '../src/remove-training';
import { saveTiny, trainingRecord } from './checkpoint/tiny-checkpoint';
import { dyingStore, temporaryStore } from './temporary-store';

const store = temporaryStore();
const options = { training: 'pets', queues: undefined, holder: 'rm', leaseSeconds: 0.05 };

async function keysOf(prefix = 'trainings/'): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
}

async function writePets(): Promise<void> {
  for (const key of await keysOf()) await store.delete(key);
  await store.put(keys.trainingJson('pets'), encodeRecord(trainingRecord('pets')));
  await store.put(keys.metricsPart('pets', 1, 0), Buffer.from(''));
  await saveTiny(store, 'pets', 1);
  await publishCheckpoint(store, await saveTiny(store, 'pets', 2), { leaseEpoch: 1, by: 'test', best: null });
}

beforeEach(writePets);

test('nothing of it is left, and others stay', async () => {
  await store.put(keys.trainingJson('other'), encodeRecord(trainingRecord('other')));
  expect(await lookAtTraining({ store, training: 'pets' })).toMatchObject({ count: 19, aliases: ['latest'], users: [] });
  // And the lease.
  expect(await removeTraining({ store, ...options })).toMatchObject({ training: 'pets', count: 20 });
  expect(await keysOf()).toEqual([keys.trainingJson('other')]);
  await expect(removeTraining({ store, ...options })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('other'),
  });
});

test('is refused while another training begins with it', async () => {
  const { folder: checkpoint, sha256 } = await resolveModel(store, 'pets');
  await store.put(keys.trainingJson('more'), encodeRecord({ ...trainingRecord('more'), from: { model: 'pets', checkpoint, sha256 } }));
  await expect(removeTraining({ store, ...options })).rejects.toMatchObject({
    code: 'IN_USE',
    message: 'The training pets is in use by training more, which begins with it',
    hint: 'Remove that first: showtell rm --training more',
  });
  await store.put(keys.trainingJson('more'), Buffer.from('{'));
  await expect(removeTraining({ store, ...options })).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
  await expect(resolveModel(store, 'pets')).resolves.toMatchObject({ record: { step: 2 } });
});

test('is refused when another training begins with it while the lease is waited for', async () => {
  // As if it were killed: it never renews the lease.
  await Lease.acquire(store, 'pets', { holder: 'dead', leaseSeconds: 1_000 });
  const { folder: checkpoint, sha256 } = await resolveModel(store, 'pets');
  const more = encodeRecord({ ...trainingRecord('more'), from: { model: 'pets', checkpoint, sha256 } });
  let began: Promise<unknown> | undefined;
  const onWait = () => {
    began = store.put(keys.trainingJson('more'), more);
  };
  await expect(removeTraining({ store, ...options, onWait })).rejects.toMatchObject({ code: 'IN_USE' });
  await began;
  await expect(resolveModel(store, 'pets')).resolves.toMatchObject({ record: { step: 2 } });
  // It lets go of the lease.
  await store.delete(keys.trainingJson('more'));
  await removeTraining({ store, ...options, onWait: () => expect('waited').toBe('not waited') });
  expect(await keysOf()).toEqual([]);
});

test('is refused while a trainer works on it', async () => {
  const trainer = await Lease.acquire(store, 'pets', { holder: 'trainer', leaseSeconds: 0.1 });
  await expect(removeTraining({ store, ...options, leaseSeconds: 5 })).rejects.toMatchObject({ code: 'LEASE_HELD' });
  await expect(resolveModel(store, 'pets')).resolves.toMatchObject({ record: { step: 2 } });
  await trainer.release();
  await removeTraining({ store, ...options });
  expect(await keysOf()).toEqual([]);
});

test('killed at any line, what is left is what it says, and it finishes when it is called again', async () => {
  for (let write = 0; ; write++) {
    await writePets();
    const outcome = await removeTraining({ store: dyingStore(store, write), ...options }).catch((error: unknown) => error);
    if (!(outcome instanceof Error)) break;
    expect(outcome.message).toBe('killed');
    for (const { folder, record } of await listCheckpoints(store, 'pets'))
      for (const name of Object.keys(record.files)) expect(await store.head(folder + name)).toBeDefined();
    expect(await keysOf()).not.toEqual([]);
    await removeTraining({ store, ...options });
    expect(await keysOf()).toEqual([]);
  }
});
