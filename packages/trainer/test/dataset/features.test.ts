import { keys } from '@showtell/shared/keys';
import { readCaptions, readFeatures } from '../../src/dataset/features';
import { temporaryStore } from '../temporary-store';
import { DIMENSION, tinyCaption, writeTinyRun } from '../tiny-run';

const store = temporaryStore();

test('all shards of a split in manifest order', async () => {
  const manifest = await writeTinyRun(store);
  const { imageIds, fileNames, features, dimension } = await readFeatures(store, manifest, 'train');
  expect(imageIds).toEqual(Array.from({ length: 33 }, (_, image) => String(image)));
  expect(fileNames[32]).toBe('32.jpg');
  expect(dimension).toBe(DIMENSION);
  expect(features).toHaveLength(33 * DIMENSION);
  // Picture 32 lies in the second shard and shows the third kind.
  expect(Math.round(features[32 * DIMENSION + 2]!)).toBe(1);
});

test('the captions of a split', async () => {
  const manifest = await writeTinyRun(store);
  const captions = await readCaptions(store, manifest, 'val');
  expect(captions).toHaveLength(24);
  expect(captions[0]).toEqual({ imageId: '100', caption: tinyCaption(100) });
});

test('an unknown split is NOT_FOUND and lists the splits there are', async () => {
  const manifest = await writeTinyRun(store);
  await expect(readFeatures(store, manifest, 'dev')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringMatching(/train, val/),
  });
});

test.each([
  ['a flipped bit', (body: Buffer) => Buffer.from(body.map((byte, index) => (index === 700 ? byte ^ 1 : byte)))],
  ['a lost end', (body: Buffer) => body.subarray(0, -8)],
])('%s is CORRUPT_SHARD and names the key', async (name, damage) => {
  const run = name.replaceAll(' ', '-');
  const manifest = await writeTinyRun(store, run);
  const { key } = manifest.shards[1]!;
  await store.put(key, damage((await store.get(key))!.body));
  await expect(readFeatures(store, manifest, 'train')).rejects.toMatchObject({
    code: 'CORRUPT_SHARD',
    message: expect.stringContaining(key),
  });
});

test('a shard that is not there is CORRUPT_SHARD and names the key', async () => {
  const manifest = await writeTinyRun(store, 'gone');
  const { key } = manifest.shards[0]!;
  await store.delete(key);
  await expect(readFeatures(store, manifest, 'train')).rejects.toMatchObject({
    code: 'CORRUPT_SHARD',
    message: expect.stringContaining(key),
  });
});

test('a shard with other rows than the manifest says is CORRUPT_SHARD', async () => {
  const manifest = await writeTinyRun(store, 'rows');
  const shards = manifest.shards.map((shard) => ({ ...shard, rows: shard.rows + 1 }));
  await expect(readFeatures(store, { ...manifest, shards }, 'val')).rejects.toMatchObject({
    code: 'CORRUPT_SHARD',
    message: expect.stringContaining(keys.shards('rows')),
  });
});
