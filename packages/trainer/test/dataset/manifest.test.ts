import { keys } from '@showtell/shared/keys';
import type { PlanRecord } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import { newestManifest, readManifest } from '../../src/dataset/manifest';
import { temporaryStore } from '../temporary-store';
import { ENCODER, NO_FINDINGS, writeTinyRun } from '../tiny-run';

const store = temporaryStore();

test('the newest manifest is the one with the highest number', async () => {
  for (const number of [1, 2, 10]) await writeTinyRun(store, 'many', number);
  const { key, manifest } = await newestManifest(store, 'many');
  expect(key).toBe(keys.manifest('many', 10));
  expect(manifest.number).toBe(10);
});

test('a frozen manifest is read only as it was frozen', async () => {
  await writeTinyRun(store, 'frozen');
  const { key, sha256 } = await newestManifest(store, 'frozen');
  expect((await readManifest(store, key, sha256)).manifest.run).toBe('frozen');
  await expect(
    readManifest(
      store,
      key,
      sha256.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
    ),
  ).rejects.toMatchObject({
    code: 'CORRUPT_OBJECT',
    message: expect.stringContaining(key),
  });
});

test('an unknown run is NOT_FOUND and lists the runs there are', async () => {
  await store.put(keys.runJson('other'), Buffer.from('{}'));
  await expect(newestManifest(store, 'absent')).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('other') });
});

describe('a run that is not complete is MISSING_SHARDS', () => {
  const plan: PlanRecord = {
    formatVersion: 1,
    run: 'half',
    encoder: ENCODER,
    microBatch: 2,
    splits: [{ split: 'train', samples: 60, captions: 0, shards: 30 }],
    shards: Array.from({ length: 30 }, (_, shard) => ({
      shard,
      split: 'train',
      rows: 2,
      key: `p${shard}`,
      bytes: 1,
      sha256: 'a'.repeat(64),
    })),
    captions: [],
    findings: NO_FINDINGS,
    runSha256: 'a'.repeat(64),
  };
  const request = {
    formatVersion: 1,
    run: 'half',
    source: { kind: 'synthetic', url: 'synthetic:60' },
    splits: [],
    encoder: ENCODER.encoder,
    weights: 'bundled',
    weightsSha256: ENCODER.weightsSha256,
    dimension: ENCODER.dimension,
    preprocessing: ENCODER.preprocessing,
    precision: ENCODER.precision,
    shardRows: 2,
    microBatch: 2,
    strict: false,
  };

  test('without a plan', async () => {
    await store.put(keys.runJson('half'), encodeRecord(request));
    await expect(newestManifest(store, 'half')).rejects.toMatchObject({
      code: 'MISSING_SHARDS',
      message: expect.stringContaining('no plan'),
    });
  });

  test('with shards missing: the first of them are named, all are counted', async () => {
    await store.put(keys.plan('half'), encodeRecord(plan));
    for (const shard of [0, 2]) await store.put(keys.commit('half', shard), Buffer.from('{}'));
    await expect(newestManifest(store, 'half')).rejects.toMatchObject({
      code: 'MISSING_SHARDS',
      message: expect.stringMatching(/28 of 30 shards are missing: 1, 3, 4, .*\(8 more\)/),
    });
  });

  test('with all committed but no manifest', async () => {
    for (const { shard } of plan.shards) await store.put(keys.commit('half', shard), Buffer.from('{}'));
    await expect(newestManifest(store, 'half')).rejects.toMatchObject({
      code: 'MISSING_SHARDS',
      message: expect.stringContaining('manifest is not written'),
    });
  });
});
