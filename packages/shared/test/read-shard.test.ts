import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFeatureRows } from '../src/arrow/feature-rows';
import { sha256 } from '../src/hash';
import { FileStore } from '../src/object-store/file';
import { readShard } from '../src/read-shard';

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
