import { keys } from '@showtell/shared/keys';
import { encodeRecord } from '@showtell/shared/schema/record';
import { type AliasMove, moveAlias, readAliases } from '../../src/checkpoint/aliases';
import type { Checkpoint } from '../../src/checkpoint/checkpoints';
import { publishCheckpoint } from '../../src/checkpoint/publish';
import { temporaryStore } from '../temporary-store';
import { saveTiny } from './tiny-checkpoint';

const store = temporaryStore();

const move = (checkpoint: Checkpoint, leaseEpoch: number, changes: Partial<AliasMove> = {}): AliasMove => ({
  alias: 'latest',
  checkpoint,
  leaseEpoch,
  metric: null,
  split: null,
  by: 'test',
  reason: 'test',
  keeps: () => false,
  ...changes,
});

test('an alias names a checkpoint and remembers the one before', async () => {
  const [one, two] = [await saveTiny(store, 'moves', 1), await saveTiny(store, 'moves', 2)];
  await moveAlias(store, 'moves', move(one, 1));
  await moveAlias(store, 'moves', move(two, 1));
  const latest = (await readAliases(store, 'moves')).get('latest')!;
  expect(latest).toMatchObject({ checkpoint: two.folder, sha256: two.sha256, step: 2, previous: one.folder });
});

test('who moves it under an older lease epoch is fenced', async () => {
  const [one, two] = [await saveTiny(store, 'fenced', 1), await saveTiny(store, 'fenced', 2)];
  await moveAlias(store, 'fenced', move(one, 2));
  await expect(moveAlias(store, 'fenced', move(two, 1))).rejects.toMatchObject({
    code: 'FENCED',
    hint: expect.stringContaining('longer than its lease'),
  });
  expect((await readAliases(store, 'fenced')).get('latest')).toMatchObject({ checkpoint: one.folder, leaseEpoch: 2 });
});

test('of many who move at once none is lost and the latest lease epoch has the last word', async () => {
  const checkpoint = await saveTiny(store, 'race', 1);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, (_, epoch) => moveAlias(store, 'race', move(checkpoint, epoch + 1))),
  );
  expect((await readAliases(store, 'race')).get('latest')!.leaseEpoch).toBe(12);
  for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'FENCED' });
});

test('latest and best go forwards only, best to what is the best so far', async () => {
  const losses = [0.9, 0.4, 0.6];
  const checkpoints = [];
  for (const [index, validationLoss] of losses.entries()) checkpoints.push(await saveTiny(store, 'both', index + 1, { validationLoss }));
  for (const checkpoint of [...checkpoints, checkpoints[0]!]) {
    const { step, validationLoss } = checkpoint.record;
    const best = step === 3 ? null : { metric: { name: 'validationLoss', value: validationLoss! }, split: 'tiny:val' };
    await publishCheckpoint(store, checkpoint, { leaseEpoch: 1, by: 'test', best });
  }
  const aliases = await readAliases(store, 'both');
  expect(aliases.get('latest')!.step).toBe(3);
  expect(aliases.get('best')).toMatchObject({ step: 2, metric: { name: 'validationLoss', value: 0.4 }, split: 'tiny:val' });
});

test('a training without validation has no best', async () => {
  await publishCheckpoint(store, await saveTiny(store, 'blind', 1), { leaseEpoch: 1, by: 'test', best: null });
  expect([...(await readAliases(store, 'blind')).keys()]).toEqual(['latest']);
});

test.each(['trainings/../runs/x/checkpoints/00000001-1/', 'runs/x/', '/etc/', 'trainings/x/checkpoints/00000001-1', ''])(
  'an alias that leads to %j is damaged',
  async (folder) => {
    const checkpoint = await saveTiny(store, 'led', 1);
    const { checkpoint: own, ...record } = await moveAlias(store, 'led', move(checkpoint, 1));
    await store.put(keys.alias('led', 'latest'), encodeRecord({ ...record, checkpoint: folder }));
    await expect(readAliases(store, 'led')).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      message: expect.stringContaining('checkpoint: expected the key of a checkpoint') as string,
    });
    await store.put(keys.alias('led', 'latest'), encodeRecord({ ...record, checkpoint: own }));
    expect((await readAliases(store, 'led')).get('latest')).toMatchObject({ checkpoint: own });
  },
);
