import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { PIXEL_BYTES, SIDE } from '@showtell/shared/image/limits';
import { openEngine } from '../../../src/encoder/engines/open';
import { int8Reference } from '../../int8-reference';
import { narrowInt8Weights } from '../../narrow-int8-weights';
import { narrowEncoderWeights, narrowWeights } from '../../narrow-weights';
import { referenceFeature } from '../../reference';
import { describeEngine, pictures } from './contract';

const options = { precision: 'int8', engine: 'onnx', device: 'cpu', threads: 1 } as const;
/** Calibrated on other pictures than those that features are asked of. */
const calibrated = narrowInt8Weights(5, pictures(16, 2));

describeEngine('onnx in int8', (weights) => openEngine({ ...options, weights }), {
  file: calibrated.then(({ safetensors }) => safetensors),
  side: SIDE,
  dimension: narrowWeights(5).dimension,
  reference: async (pixels) => int8Reference((await calibrated).int8, pixels),
  // Sums are whole numbers, the same everywhere; what is scaled and rounded in float32 may end a level away here and there.
  tolerance: { absolute: 2e-3, rms: 5e-4 },
  sameBits: true,
});

describe('int8', () => {
  let folder: string;
  let path: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-int8-'));
    path = join(folder, 'int8.safetensors');
    await writeFile(path, (await calibrated).safetensors);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const encode = async (threads: number, pixels: Uint8Array): Promise<Float32Array> => {
    const engine = await openEngine({ ...options, weights: path, threads });
    const features = await engine.encode(pixels, pixels.length / PIXEL_BYTES);
    await engine.close();
    return features;
  };

  test('features have the same bits on 1, 2 and 3 threads', async () => {
    const pixels = pictures(9);
    const identities = await Promise.all(
      [1, 2, 3].map(async (threads) => {
        const { buffer, byteOffset, byteLength } = await encode(threads, pixels);
        return sha256(Buffer.from(buffer, byteOffset, byteLength));
      }),
    );
    expect(new Set(identities).size).toBe(1);
  });

  test('features point where those of float32 do', async () => {
    const pixels = pictures(2);
    const features = await encode(1, pixels);
    const { dimension } = narrowWeights(5);
    for (const row of [0, 1]) {
      const ours = features.subarray(row * dimension, (row + 1) * dimension);
      const exact = referenceFeature(narrowEncoderWeights(5), pixels.subarray(row * PIXEL_BYTES, (row + 1) * PIXEL_BYTES));
      const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, value, index) => sum + value * b[index]!, 0);
      expect(dot(ours, exact) / Math.sqrt(dot(ours, ours) * dot(exact, exact))).toBeGreaterThan(0.999);
    }
  });

  test('a file is computed in the precision it was made for, and in no other', async () => {
    await expect(openEngine({ ...options, weights: path, precision: 'float32' })).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: `Expected an encoder for float32 in ${path} but it is one for int8`,
    });
    const float32 = join(folder, 'float32.safetensors');
    await writeFile(float32, narrowWeights(5).safetensors);
    await expect(openEngine({ ...options, weights: float32 })).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: `Expected an encoder for int8 in ${float32} but it is one for float32 or float16`,
    });
  });
});
