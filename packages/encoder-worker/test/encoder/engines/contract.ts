import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pixelBytes, SIDE } from '@showtell/shared/image/limits';
import type { EncoderEngine } from '../../../src/encoder/engines/engine';
import { mulberry32, narrowEncoderWeights, narrowWeights } from '../../narrow-weights';
import { referenceFeature } from '../../reference';

/** Of every engine in float32: each feature within 1e-4 of float64, and 1e-5 root mean square. */
export const TOLERANCE = { absolute: 1e-4, rms: 1e-5 };

/** What an engine is tried with. */
export interface Subject {
  /** The encoder file. */
  readonly file: Buffer | Promise<Buffer>;
  readonly side: number;
  readonly dimension: number;
  /** The feature of a picture, computed otherwise. */
  readonly reference: (pixels: Uint8Array) => ArrayLike<number> | Promise<ArrayLike<number>>;
  readonly tolerance: { readonly absolute: number; readonly rms: number };
  /** False where the way to compute is chosen by the size of the batch: then features agree within the tolerance. */
  readonly sameBits: boolean;
}

/** The narrow InceptionV3, in float32. */
export function narrowSubject(): Subject {
  const weights = narrowEncoderWeights(5);
  const { safetensors, dimension } = narrowWeights(5);
  const reference = (pixels: Uint8Array) => referenceFeature(weights, pixels);
  return { file: safetensors, side: SIDE, dimension, reference, tolerance: TOLERANCE, sameBits: true };
}

/** `count` pictures that differ: noise over a slope, so that neither flat nor random areas are all there is. */
export function pictures(count: number, seed = 1, side = SIDE): Uint8Array {
  const random = mulberry32(seed);
  const noise = Uint8Array.from({ length: 10_007 }, () => random() * 55);
  const bytes = pixelBytes(side);
  const pixels = new Uint8Array(count * bytes);
  for (let image = 0; image < count; image++)
    for (let index = 0; index < bytes; index++) {
      const slope = (index / bytes) * 200;
      pixels[image * bytes + index] = (image % 2 === 0 ? slope : 200 - slope) + noise[(index + image * 997) % 10_007]!;
    }
  return pixels;
}

/** The greatest and the root mean square difference. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): { absolute: number; rms: number } {
  let [absolute, squares] = [0, 0];
  for (let index = 0; index < expected.length; index++) {
    const delta = Math.abs(actual[index]! - expected[index]!);
    absolute = Math.max(absolute, delta);
    squares += delta * delta;
  }
  return { absolute, rms: Math.sqrt(squares / expected.length) };
}

/**
 * What every engine must do; `open` opens it for an encoder file.
 * @param rss resident memory of the process that computes, where it is not this one.
 */
export function describeEngine(
  name: string,
  open: (weights: string) => Promise<EncoderEngine>,
  subject: Subject = narrowSubject(),
  rss: (engine: EncoderEngine) => number = () => process.memoryUsage.rss(),
): void {
  describe(`${name}: encoder engine`, () => {
    const { file, side, dimension, tolerance, sameBits } = subject;
    const bytes = pixelBytes(side);
    const pixels = pictures(8, 1, side);
    let folder: string;
    let path: string;
    let engine: EncoderEngine;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'showtell-engine-'));
      path = join(folder, 'encoder');
      await writeFile(path, await file);
      engine = await open(path);
    });
    afterAll(async () => {
      await engine.close();
      await rm(folder, { recursive: true });
    });
    const image = (index: number) => pixels.subarray(index * bytes, (index + 1) * bytes);
    const feature = (features: Float32Array, row: number) => features.subarray(row * dimension, (row + 1) * dimension);
    const expectAlike = (actual: Float32Array, expected: Float32Array) => {
      expect(actual).toHaveLength(expected.length);
      if (sameBits) expect(Buffer.compare(bytesOf(actual), bytesOf(expected))).toBe(0);
      else expect(difference(actual, expected).absolute).toBeLessThan(tolerance.absolute);
    };

    test('describes itself: what computes where, and by which versions', () => {
      expect(engine).toMatchObject({ side, dimension });
      const { provider, device, deviceName, threads, versions } = engine.description;
      expect(threads).toBeGreaterThanOrEqual(1);
      expect(device).toMatch(/^(cpu|wasm|cuda:\d+)$/);
      expect(provider).not.toBe('');
      expect(deviceName).not.toBe('');
      expect(Object.keys(versions).length).toBeGreaterThan(0);
      for (const version of Object.values(versions)) expect(version).toMatch(/\d/);
    });

    test('gives the features of a reference', async () => {
      const features = await engine.encode(pixels.subarray(0, 2 * bytes), 2);
      expect(features).toHaveLength(2 * dimension);
      for (const row of [0, 1]) {
        const { absolute, rms } = difference(feature(features, row), await subject.reference(image(row)));
        expect(absolute).toBeLessThan(tolerance.absolute);
        expect(rms).toBeLessThan(tolerance.rms);
      }
    });

    test('gives a picture the same feature in every batch from 1 to 64', async () => {
      const alone = await Promise.all(Array.from({ length: 8 }, (_, index) => engine.encode(image(index), 1)));
      // More than an engine takes in one go, and not a multiple of it.
      for (const count of [2, 3, 4, 5, 6, 7, 8, 19, 64]) {
        const many = Buffer.concat(Array.from({ length: count }, (_, index) => image(index % 8)));
        const together = await engine.encode(many, count);
        expect(together).toHaveLength(count * dimension);
        for (let row = 0; row < count; row++) expectAlike(feature(together, row), alone[row % 8]!);
      }
    });

    test('keeps requests made at once apart, and leaves pixels as they are', async () => {
      const before = Buffer.from(pixels);
      const apart = [await engine.encode(image(0), 1), await engine.encode(image(1), 1)];
      const atOnce = await Promise.all([0, 1, 0, 1, 0].map((index) => engine.encode(image(index), 1)));
      for (const [place, features] of atOnce.entries()) expectAlike(features, apart[place % 2]!);
      expect(apart[0]).not.toEqual(apart[1]);
      expect(before.equals(pixels)).toBe(true);
    });

    test('reads pixels that begin anywhere in their buffer', async () => {
      const shifted = new Uint8Array(bytes + 3);
      shifted.set(image(2), 3);
      const expected = await engine.encode(image(2), 1);
      expectAlike(await engine.encode(shifted.subarray(3), 1), expected);
      expectAlike(await engine.encode(Buffer.from(image(2)), 1), expected);
    });

    test('gives features that are the caller’s to keep', async () => {
      const first = await engine.encode(image(0), 1);
      const kept = first.slice();
      await engine.encode(image(1), 1);
      expect(first).toEqual(kept);
    });

    test('refuses pixels of another length, and goes on', async () => {
      await expect(engine.encode(new Uint8Array(bytes - 1), 1)).rejects.toThrow(RangeError);
      await expect(engine.encode(new Uint8Array(bytes), 2)).rejects.toThrow(`Expected ${2 * bytes} bytes for 2 images`);
      for (const count of [0, -1, 1.5, Number.NaN])
        await expect(engine.encode(new Uint8Array(0), count)).rejects.toThrow(
          `Expected a positive integer for count but received ${count}`,
        );
      expect(await engine.encode(image(0), 1)).toHaveLength(dimension);
    });

    test('its memory stays flat over many batches', async () => {
      const four = pixels.subarray(0, 4 * bytes);
      const encode = async (times: number) => {
        for (let time = 0; time < times; time++) await engine.encode(four, 4);
        globalThis.gc?.();
        return rss(engine);
      };
      // Until the allocators have what they keep.
      await encode(20);
      const before = await encode(20);
      const after = await encode(100);
      // A leak of the pixels alone would be 107 MB, one of what is computed between a multiple of it.
      expect(after - before).toBeLessThan((100 * four.length) / 2);
    });

    test('close waits for what was begun, may be called twice, and ends it', async () => {
      const other = await open(path);
      const begun = [other.encode(image(0), 1), other.encode(image(1), 1)];
      await Promise.all([other.close(), other.close()]);
      for (const features of begun) expect(await features).toHaveLength(dimension);
      await other.close();
      await expect(other.encode(image(0), 1)).rejects.toThrow('closed');
    });

    test('names what is wrong with an encoder file', async () => {
      await expect(open(join(folder, 'absent'))).rejects.toMatchObject({
        code: 'WEIGHTS_INVALID',
        message: expect.stringContaining('absent') as string,
      });
      await writeFile(join(folder, 'short'), (await file).subarray(0, -4));
      await expect(open(join(folder, 'short'))).rejects.toMatchObject({ code: 'WEIGHTS_INVALID' });
    });
  });
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) => Buffer.from(buffer, byteOffset, byteLength);
