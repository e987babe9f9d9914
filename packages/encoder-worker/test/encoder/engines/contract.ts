import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import type { EncoderEngine } from '../../../src/encoder/engines/engine';
import { mulberry32, narrowEncoderWeights, narrowWeights } from '../../narrow-weights';
import { referenceFeature } from '../../reference';

/** Of every engine: each feature within 1e-4 of float64, and 1e-5 root mean square. */
export const TOLERANCE = { absolute: 1e-4, rms: 1e-5 };

/** `count` pictures that differ: noise over a slope, so that neither flat nor random areas are all there is. */
export function pictures(count: number, seed = 1): Uint8Array {
  const random = mulberry32(seed);
  const noise = Uint8Array.from({ length: 10_007 }, () => random() * 55);
  const pixels = new Uint8Array(count * PIXEL_BYTES);
  for (let image = 0; image < count; image++)
    for (let index = 0; index < PIXEL_BYTES; index++) {
      const slope = (index / PIXEL_BYTES) * 200;
      pixels[image * PIXEL_BYTES + index] = (image % 2 === 0 ? slope : 200 - slope) + noise[(index + image * 997) % 10_007]!;
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

/** What every engine must do; `open` opens it for a weights file. */
export function describeEngine(name: string, open: (weights: string) => Promise<EncoderEngine>): void {
  describe(`${name}: encoder engine`, () => {
    const weights = narrowEncoderWeights(5);
    const { safetensors, dimension } = narrowWeights(5);
    const pixels = pictures(8);
    let folder: string;
    let engine: EncoderEngine;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'showtell-engine-'));
      await writeFile(join(folder, 'narrow.safetensors'), safetensors);
      engine = await open(join(folder, 'narrow.safetensors'));
    });
    afterAll(async () => {
      await engine.close();
      await rm(folder, { recursive: true });
    });
    const image = (index: number) => pixels.subarray(index * PIXEL_BYTES, (index + 1) * PIXEL_BYTES);

    test('describes itself', () => {
      expect(engine.side).toBe(299);
      expect(engine.dimension).toBe(dimension);
      expect(engine.description.threads).toBeGreaterThanOrEqual(1);
      expect(engine.description.device).not.toBe('auto');
      expect(Object.keys(engine.description.versions).length).toBeGreaterThan(0);
    });

    test('gives the features of a float64 reference', async () => {
      const features = await engine.encode(pixels.subarray(0, 2 * PIXEL_BYTES), 2);
      const expected = [0, 1].flatMap((index) => [...referenceFeature(weights, image(index))]);
      expect(features).toHaveLength(2 * dimension);
      const { absolute, rms } = difference(features, expected);
      expect(absolute).toBeLessThan(TOLERANCE.absolute);
      expect(rms).toBeLessThan(TOLERANCE.rms);
    });

    test('gives a picture the same bits in every batch', async () => {
      const alone = await Promise.all(Array.from({ length: 8 }, (_, index) => engine.encode(image(index), 1)));
      // 19 pictures are more than an engine takes in one go.
      const many = Buffer.concat([pixels, pixels, pixels.subarray(0, 3 * PIXEL_BYTES)]);
      alone.push(...alone, ...alone.slice(0, 3));
      for (const count of [2, 3, 4, 5, 6, 7, 8, 19]) {
        const together = await engine.encode(many.subarray(0, count * PIXEL_BYTES), count);
        expect(Buffer.from(together.buffer, together.byteOffset, together.byteLength)).toEqual(
          Buffer.concat(alone.slice(0, count).map((feature) => Buffer.from(feature.buffer, feature.byteOffset, feature.byteLength))),
        );
      }
    });

    test('keeps requests made at once apart, and leaves pixels as they are', async () => {
      const before = Buffer.from(pixels);
      const apart = [await engine.encode(image(0), 1), await engine.encode(image(1), 1)];
      const atOnce = await Promise.all([engine.encode(image(0), 1), engine.encode(image(1), 1), engine.encode(image(0), 1)]);
      expect(atOnce).toEqual([apart[0], apart[1], apart[0]]);
      expect(apart[0]).not.toEqual(apart[1]);
      expect(before.equals(pixels)).toBe(true);
    });

    test('reads pixels that begin anywhere in their buffer', async () => {
      const shifted = new Uint8Array(PIXEL_BYTES + 3);
      shifted.set(image(2), 3);
      expect(await engine.encode(shifted.subarray(3), 1)).toEqual(await engine.encode(image(2), 1));
      expect(await engine.encode(Buffer.from(image(2)), 1)).toEqual(await engine.encode(image(2), 1));
    });

    test('refuses pixels of another length, and goes on', async () => {
      await expect(engine.encode(new Uint8Array(PIXEL_BYTES - 1), 1)).rejects.toThrow(RangeError);
      await expect(engine.encode(new Uint8Array(PIXEL_BYTES), 2)).rejects.toThrow(`Expected ${2 * PIXEL_BYTES} bytes for 2 images`);
      await expect(engine.encode(new Uint8Array(0), 0)).rejects.toThrow('Expected a positive integer for count but received 0');
      expect(await engine.encode(image(0), 1)).toHaveLength(dimension);
    });

    test('close waits for what was begun, may be called twice, and ends it', async () => {
      const other = await open(join(folder, 'narrow.safetensors'));
      const begun = other.encode(image(0), 1);
      await Promise.all([other.close(), other.close()]);
      expect(await begun).toHaveLength(dimension);
      await expect(other.encode(image(0), 1)).rejects.toThrow('closed');
    });

    test('names what is wrong with a weights file', async () => {
      await expect(open(join(folder, 'absent.safetensors'))).rejects.toMatchObject({
        code: 'WEIGHTS_INVALID',
        message: expect.stringContaining('absent.safetensors') as string,
      });
      await writeFile(join(folder, 'short.safetensors'), safetensors.subarray(0, safetensors.length - 4));
      await expect(open(join(folder, 'short.safetensors'))).rejects.toMatchObject({ code: 'WEIGHTS_INVALID' });
    });
  });
}
