import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFeatureRows } from '../src/arrow/feature-rows';
import { sha256 } from '../src/hash';
import { keys } from '../src/keys';
import { FileStore } from '../src/object-store/file';
import { readShard } from '../src/read-shard';
import { encodeRecord } from '../src/schema/record';

const folder = mkdtempSync(join(tmpdir(), 'showtell-read-shard-'));
afterAll(() => rmSync(folder, { recursive: true }));
const store = new FileStore(folder);

const body = encodeFeatureRows(
  ['1', '2', '3'].map((imageId, row) => ({ imageId, fileName: `${imageId}.jpg`, feature: Float32Array.of(row, row + 0.5) })),
  2,
);
const shard = { shard: 4, split: 'train', rejected: 0, key: 'shards/4', bytes: body.length, sha256: sha256(body) };
beforeAll(() => store.put(shard.key, body));

test('rows that were dropped are left out with their names and features', async () => {
  expect(await readShard(store, { ...shard, rows: 1, dropped: ['1', '3'] }, 2)).toEqual({
    imageIds: ['2'],
    fileNames: ['2.jpg'],
    features: Float32Array.of(1, 1.5),
    dimension: 2,
  });
  expect((await readShard(store, { ...shard, rows: 3 }, 2)).imageIds).toEqual(['1', '2', '3']);
});

test.each([
  ['a row more', { rows: 2 }],
  ['a row that was to be dropped and is not there', { rows: 2, dropped: ['9'] }],
  ['fewer rows', { rows: 1, dropped: ['3'] }],
])('%s than the manifest says is CORRUPT_SHARD', async (_what, more) => {
  await expect(readShard(store, { ...shard, ...more }, 2)).rejects.toMatchObject({
    code: 'CORRUPT_SHARD',
    message: expect.stringContaining('shards/4') as string,
  });
});

describe('a shard that was damaged', () => {
  const key = 'runs/mine/shards/00004-aaaaaaaaaaaa.arrow';
  const committed = (sha: string) => ({
    formatVersion: 1,
    run: 'mine',
    shard: 4,
    split: 'train',
    key,
    bytes: 1,
    sha256: sha,
    rows: 3,
    rejected: [],
    encoder: { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32', dimension: 2 },
    planSha256: 'b'.repeat(64),
    execution: {
      worker: 'w',
      engine: 'e',
      provider: 'p',
      device: 'cpu',
      deviceName: 'a CPU',
      threads: 1,
      versions: {},
      seconds: 1,
      encodeSeconds: 1,
      at: '',
    },
  });
  const read = async (record: Buffer | undefined) => {
    await store.put(key, body.subarray(1));
    if (record) await store.put(keys.commit('mine', 4), record);
    return readShard(store, { ...shard, key, rows: 3 }, 2);
  };

  test.each([
    ['nobody has encoded again yet', undefined],
    ['has the record that the manifest knows', encodeRecord(committed(shard.sha256))],
    ['has a damaged record', Buffer.from('x')],
  ])('that %s can be repaired', async (_what, record) => {
    await expect(read(record)).rejects.toMatchObject({
      code: 'CORRUPT_SHARD',
      message: expect.stringMatching(/^Shard 4 is not the one that was committed: .*received \d+ bytes/) as string,
      hint: expect.stringContaining('showtell verify mine --repair') as string,
    });
  });

  test('and encoded again with other bytes keeps whoever froze its manifest from going on, and says so', async () => {
    await expect(read(encodeRecord(committed('c'.repeat(64))))).rejects.toMatchObject({
      code: 'CORRUPT_SHARD',
      message: expect.stringMatching(/^Shard 4 of the run mine was encoded again since .*sha256 c{64}/) as string,
      hint: expect.stringContaining('newest manifest of mine') as string,
    });
  });
});
