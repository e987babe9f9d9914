import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { describeOnSmallDisk } from '../../../../shared/test/small-disk';
import { fetchWeights, putWeights } from '../../../src/encoder/weights/keep';
import { narrowWeights } from '../../narrow-weights';

describe('weights in the object store', () => {
  const narrow = narrowWeights(1);
  const weights = { bytes: narrow.safetensors, sha256: narrow.sha256 };
  const key = keys.weights(weights.sha256);
  let folder: string;
  let cache: string;
  let store: ObjectStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-keep-'));
    cache = join(folder, 'cache', 'weights');
    store = new FileStore(join(folder, 'store'));
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  test('put once, fetched into a cache folder, found there afterwards', async () => {
    await putWeights(store, weights);
    const path = await fetchWeights(store, weights.sha256, cache);
    expect((await readFile(path)).equals(weights.bytes)).toBe(true);
    await store.delete(key);
    expect(await fetchWeights(store, weights.sha256, cache)).toBe(path);
  });

  test('what is there is not written again', async () => {
    await putWeights(store, weights);
    const { lastModified, etag } = (await store.head(key))!;
    await putWeights(store, weights);
    expect(await store.head(key)).toMatchObject({ lastModified, etag });
  });

  test('what is there for long is written again, so that nobody deletes it before it is named', async () => {
    await putWeights(store, weights);
    const long = new Date(Date.now() - 2 * 60 * 60 * 1_000);
    await utimes(join(folder, 'store', key), long, long);
    await putWeights(store, weights);
    expect((await store.head(key))!.lastModified.valueOf()).toBeGreaterThan(long.valueOf() + 60 * 60 * 1_000);
  });

  test('what is there and damaged is replaced, also when its size is right', async () => {
    for (const damaged of [Buffer.alloc(weights.bytes.length), weights.bytes.subarray(1)]) {
      await store.upload(key, damaged);
      await putWeights(store, weights);
      expect((await store.get(key))!.body.equals(weights.bytes)).toBe(true);
    }
  });

  test('absent weights say which, and what to do', async () => {
    await expect(fetchWeights(store, weights.sha256, cache)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(key) as string,
      hint: expect.stringContaining('Enqueue') as string,
    });
  });

  test('damaged weights in the store are refused, and nothing is left in the cache', async () => {
    const damaged = Buffer.from(weights.bytes);
    damaged[damaged.length - 1]! ^= 1;
    await store.upload(key, damaged);
    await expect(fetchWeights(store, weights.sha256, cache)).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      message: expect.stringContaining(key) as string,
    });
    await expect(readdir(cache)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a damaged file in the cache is fetched again', async () => {
    await putWeights(store, weights);
    const path = await fetchWeights(store, weights.sha256, cache);
    await writeFile(path, weights.bytes.subarray(0, 100));
    expect(await fetchWeights(store, weights.sha256, cache)).toBe(path);
    expect((await readFile(path)).equals(weights.bytes)).toBe(true);
  });

  test('several at once get whole files and leave nothing else behind', async () => {
    await putWeights(store, weights);
    const paths = await Promise.all(Array.from({ length: 4 }, () => fetchWeights(store, weights.sha256, cache)));
    expect(new Set(paths).size).toBe(1);
    expect(await readdir(cache)).toEqual([weights.sha256]);
  });

  describeOnSmallDisk('a full disk', 64 * 1024, (disk) => {
    test('is said, and nothing is left behind', async () => {
      await putWeights(store, weights);
      await expect(fetchWeights(store, weights.sha256, join(disk, 'weights'))).rejects.toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining(join(disk, 'weights')) as string,
        hint: expect.stringContaining('Make room') as string,
      });
      expect(await readdir(join(disk, 'weights'))).toEqual([]);
    });
  });

  test('a cache folder that cannot be made', async () => {
    await putWeights(store, weights);
    await writeFile(join(folder, 'file'), '');
    await expect(fetchWeights(store, weights.sha256, join(folder, 'file', 'weights'))).rejects.toMatchObject({ code: 'FILE_DENIED' });
  });
});
