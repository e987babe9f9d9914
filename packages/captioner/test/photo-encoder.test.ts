import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EncoderEngine } from '@showtell/encoder-worker/encoder/engines/engine';
import { ShowtellError } from '@showtell/shared/errors';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { renderSvg } from '@showtell/shared/image/render-svg';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { encodePhotos, openPhotoEncoder, type PhotoFeature } from '../src/photo-encoder';

/** A picture of one grey. */
const grey = (value: number) =>
  renderSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="299" height="299"><rect width="299" height="299" fill="rgb(${value},${value},${value})"/></svg>`,
  );

/** An engine whose feature is a picture's first pixel, twice. */
function firstPixelEngine(batches: number[]): EncoderEngine {
  return {
    description: { engine: 'test', device: 'cpu', threads: 1, versions: {} },
    dimension: 2,
    async encode(pixels, count) {
      batches.push(count);
      return Float32Array.from({ length: 2 * count }, (_, index) => pixels[Math.floor(index / 2) * PIXEL_BYTES]!);
    },
    async close() {},
  };
}

const describeResult = (result: PhotoFeature) => ('error' in result ? result.error.code : [...result.feature]);

test('features come in the order of the photos, in micro-batches, and a photo that is none has its reason', async () => {
  const photos = await Promise.all(Array.from({ length: 19 }, (_, index) => grey(10 * index)));
  photos[3] = Buffer.from('<html></html>');
  photos[4] = photos[5]!.subarray(0, 60);
  const batches: number[] = [];
  const results = await encodePhotos(firstPixelEngine(batches), photos);
  const codes: Record<number, string> = { 3: 'UNSUPPORTED_FORMAT', 4: 'TRUNCATED' };
  expect(results.map(describeResult)).toEqual(photos.map((_, index) => codes[index] ?? [10 * index, 10 * index]));
  expect(batches).toEqual([6, 8, 3]);
});

test('no photo, or none that can be encoded: the engine is not asked', async () => {
  const batches: number[] = [];
  expect(await encodePhotos(firstPixelEngine(batches), [])).toEqual([]);
  expect((await encodePhotos(firstPixelEngine(batches), [Buffer.alloc(0)])).map(describeResult)).toEqual(['UNSUPPORTED_FORMAT']);
  expect(batches).toEqual([]);
});

test('what the engine fails with comes out', async () => {
  const engine = { ...firstPixelEngine([]), encode: () => Promise.reject(new ShowtellError('ENGINE_CRASHED', 'it died')) };
  await expect(encodePhotos(engine, await Promise.all([grey(1), grey(2)]))).rejects.toMatchObject({ code: 'ENGINE_CRASHED' });
});

test('InceptionV3 in a process of its own gives one photo the same feature alone and among others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-photo-encoder-'));
  const weights = join(folder, 'narrow.safetensors');
  const { safetensors, sha256, dimension } = narrowWeights(1);
  writeFileSync(weights, safetensors);
  const encoder = await openPhotoEncoder({ weights, threads: 1 });
  try {
    expect(encoder.identity).toMatchObject({ weightsSha256: sha256, precision: 'float32', dimension });
    const photos = await Promise.all([grey(20), grey(128), grey(250)]);
    const together = (await encoder.encode(photos)).map(describeResult);
    const alone = (await encoder.encode([photos[1]!])).map(describeResult);
    expect(alone[0]).toEqual(together[1]);
    expect(together[0]).not.toEqual(together[1]);
    expect(together[0]).toHaveLength(dimension);
  } finally {
    await encoder.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
