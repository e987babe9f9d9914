import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '../src/keys';
import { latestManifest, newestManifest, readManifest } from '../src/manifests';
import { FileStore } from '../src/object-store/file';
import type { EncoderIdentity } from '../src/schema/encoder-identity';
import type { ManifestRecord } from '../src/schema/manifest';
import type { PlanRecord } from '../src/schema/plan';
import { encodeRecord } from '../src/schema/record';
import { NO_FINDINGS } from './no-findings';

const folder = mkdtempSync(join(tmpdir(), 'showtell-manifests-'));
afterAll(() => rmSync(folder, { recursive: true }));
const store = new FileStore(folder);

const ENCODER: EncoderIdentity = { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32', dimension: 4 };

const MANIFEST: ManifestRecord = {
  formatVersion: 1,
  run: 'run',
  number: 1,
  planSha256: 'b'.repeat(64),
  encoder: ENCODER,
  shards: [],
  captions: [],
  splits: [],
  rejected: {},
};
const SHARD = {
  shard: 3,
  split: 'train',
  rows: 1,
  rejected: 0,
  bytes: 1,
  sha256: 'c'.repeat(64),
  key: keys.shard('enemy', 3, 'c'.repeat(64)),
};

async function writeManifest(run: string, number: number): Promise<void> {
  await store.put(keys.manifest(run, number), encodeRecord({ ...MANIFEST, run, number }));
}

test('the newest manifest is the one with the highest number', async () => {
  for (const number of [1, 2, 10]) await writeManifest('many', number);
  const { key, manifest } = await newestManifest(store, 'many');
  expect(key).toBe(keys.manifest('many', 10));
  expect(manifest.number).toBe(10);
});

test('a frozen manifest is read only as it was frozen', async () => {
  await writeManifest('frozen', 1);
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

test('a run without any has no latest one', async () => {
  expect(await latestManifest(store, 'absent')).toBeUndefined();
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

test.each<[string, Partial<ManifestRecord>]>([
  ['of another run', { run: 'other' }],
  ['of another number', { number: 2 }],
  ['with a shard of another run', { shards: [{ ...SHARD, key: keys.shard('other', 3, SHARD.sha256) }] }],
  ['with a shard of another number', { shards: [{ ...SHARD, key: keys.shard('enemy', 4, SHARD.sha256) }] }],
  ['with a shard that is no shard', { shards: [{ ...SHARD, key: 'trainings/pets/lease.json' }] }],
  ['with a shard outside of the store', { shards: [{ ...SHARD, run: '../..', key: keys.shard('../..', 3, SHARD.sha256) }] }],
  [
    'with captions of another split',
    { captions: [{ split: 'val', rows: 1, key: keys.captions('enemy', 'train', SHARD.sha256), bytes: 1, sha256: SHARD.sha256 }] },
  ],
])('a manifest %s is refused', async (_name, more) => {
  await store.put(keys.manifest('enemy', 1), encodeRecord({ ...MANIFEST, run: 'enemy', ...more }));
  await expect(readManifest(store, keys.manifest('enemy', 1))).rejects.toMatchObject({ code: 'CORRUPT_OBJECT', retryable: false });
});

test('a manifest may name shards of the run that it builds on', async () => {
  const taken = { ...SHARD, run: 'before', key: keys.shard('before', 3, SHARD.sha256) };
  const own = { ...SHARD, key: keys.shard('friend', 3, SHARD.sha256) };
  await store.put(keys.manifest('friend', 1), encodeRecord({ ...MANIFEST, run: 'friend', shards: [taken, own] }));
  expect((await readManifest(store, keys.manifest('friend', 1))).manifest.shards).toHaveLength(2);
});
