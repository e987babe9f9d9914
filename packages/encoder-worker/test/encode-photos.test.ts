import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MAX_FILE_BYTES } from '@showtell/shared/image/limits';
import { prepare } from '@showtell/shared/image/prepare';
import sharp from 'sharp';
import { encodePhotos } from '../src/encode-photos';
import type { EncoderEngine } from '../src/encoder/engines/engine';
import { openEngine } from '../src/encoder/engines/open';
import { narrowWeights } from './narrow-weights';

/** A picture of `hue`, wider than high, so that it is cropped and resized. */
const photo = (hue: number) =>
  sharp({ create: { width: 420, height: 310, channels: 3, background: `hsl(${hue}, 80%, 50%)` } })
    .composite([{ input: { create: { width: 90, height: 60 + hue / 4, channels: 3, background: '#222' } }, left: 80 + hue / 3, top: 40 }])
    .png()
    .toBuffer();

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('encodePhotos', () => {
  let folder: string;
  let engine: EncoderEngine;
  let photos: Buffer[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-photos-'));
    const weights = join(folder, 'narrow.safetensors');
    await writeFile(weights, narrowWeights(5).safetensors);
    engine = await openEngine({ weights, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 });
    photos = await Promise.all([0, 60, 120, 180, 240].map(photo));
  });
  afterAll(async () => {
    await engine.close();
    await rm(folder, { recursive: true });
  });

  test('gives each photo its own feature, in order, whatever the micro-batch', async () => {
    const expected: Float32Array[] = [];
    for (const bytes of photos) expected.push(await engine.encode((await prepare(bytes)).pixels, 1));
    expect(new Set(expected.map(String)).size).toBe(photos.length);
    for (const microBatch of [1, 2, 5, 8])
      expect(await all(encodePhotos(engine, photos, { microBatch }))).toEqual(expected.map((feature, index) => ({ index, feature })));
  });

  test('takes paths and bytes; a photo that cannot be read or decoded is a result with its reason', async () => {
    const path = join(folder, 'photo.png');
    await writeFile(path, photos[0]!);
    const absent = join(folder, 'absent.png');
    const results = await all(encodePhotos(engine, [absent, path, Buffer.from('<html>'), photos[0]!, folder], { microBatch: 2 }));
    expect(results.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(results.map(({ error }) => error?.code)).toEqual(['MISSING_IMAGE', undefined, 'UNSUPPORTED_FORMAT', undefined, 'MISSING_IMAGE']);
    expect(results[0]!.error!.message).toBe('There is no such file');
    expect(results[1]!.feature).toEqual(results[3]!.feature);
  });

  test('a photo may come through a pipe; one into which nobody writes is left when its signal aborts', async () => {
    const pipe = join(folder, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    const stop = new AbortController();
    const unwritten = all(encodePhotos(engine, [pipe], { signal: stop.signal }));
    stop.abort(new Error('enough'));
    await expect(unwritten).rejects.toThrow('enough');
    const written = all(encodePhotos(engine, [pipe]));
    await writeFile(pipe, photos[0]!);
    expect((await written)[0]!.feature).toEqual((await all(encodePhotos(engine, [photos[0]!])))[0]!.feature);
  });

  test('what is too large is not read', async () => {
    const path = join(folder, 'large.jpg');
    await writeFile(path, '');
    await truncate(path, MAX_FILE_BYTES + 1);
    expect((await all(encodePhotos(engine, [path])))[0]!.error).toMatchObject({ code: 'TOO_LARGE' });
  });

  test('no photos give no results', async () => {
    expect(await all(encodePhotos(engine, []))).toEqual([]);
  });

  test('throws what the engine throws, and the reason of an aborted signal', async () => {
    const broken = { ...engine, encode: () => Promise.reject(new Error('engine is gone')) };
    await expect(all(encodePhotos(broken, photos, { microBatch: 2 }))).rejects.toThrow('engine is gone');
    const reason = new Error('enough');
    await expect(all(encodePhotos(engine, photos, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });
});
