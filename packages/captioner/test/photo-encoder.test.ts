import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EncodedPhoto } from '@showtell/encoder-worker/encode-photos';
import { renderSvg } from '@showtell/shared/image/render-svg';
import { writeCustomEncoder } from '../../encoder-worker/test/custom-encoder';
import { narrowWeights } from '../../encoder-worker/test/narrow-weights';
import { openPhotoEncoder } from '../src/photo-encoder';

/** A picture of one grey. */
const grey = (value: number) =>
  renderSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="299" height="299"><rect width="299" height="299" fill="rgb(${value},${value},${value})"/></svg>`,
  );

const featuresOf = async (results: AsyncIterable<EncodedPhoto>) => {
  const features: number[][] = [];
  for await (const { feature } of results) features.push([...feature!]);
  return features;
};

test('InceptionV3 in a process of its own gives one photo the same feature alone and among others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-photo-encoder-'));
  const weights = join(folder, 'narrow.safetensors');
  const { safetensors, sha256, dimension } = narrowWeights(1);
  writeFileSync(weights, safetensors);
  const encoder = await openPhotoEncoder({ weights, threads: 1 });
  try {
    expect(encoder.identity).toMatchObject({ weightsSha256: sha256, precision: 'float32', dimension });
    const photos = await Promise.all([grey(20), grey(128), grey(250)]);
    const together = await featuresOf(encoder.encode(photos));
    const alone = await featuresOf(encoder.encode([photos[1]!]));
    expect(alone[0]).toEqual(together[1]);
    expect(together[0]).not.toEqual(together[1]);
    expect(together[0]).toHaveLength(dimension);
  } finally {
    await encoder.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the engine tensorflow gives the features that onnx gives, and says what computes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-photo-encoder-'));
  const weights = join(folder, 'narrow.safetensors');
  writeFileSync(weights, narrowWeights(1).safetensors);
  try {
    const photos = await Promise.all([grey(20), grey(250)]);
    const encode = async (options: { engine: 'onnx' | 'tensorflow'; device: string }) => {
      const encoder = await openPhotoEncoder({ weights, threads: 1, ...options });
      const features = await featuresOf(encoder.encode(photos));
      await encoder.close();
      return { identity: encoder.identity, description: encoder.description, features };
    };
    const onnx = await encode({ engine: 'onnx', device: 'cpu' });
    const tensorflow = await encode({ engine: 'tensorflow', device: 'wasm' });
    expect(tensorflow.identity).toEqual(onnx.identity);
    expect(tensorflow.description).toMatchObject({ engine: 'tensorflow', provider: 'WebAssembly', device: 'wasm', threads: 1 });
    for (const [row, feature] of tensorflow.features.entries())
      for (const [index, value] of feature.entries()) expect(value).toBeCloseTo(onnx.features[row]![index]!, 4);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('other encoders', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'showtell-photo-encoder-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('one of the user has its own identity, side and dimension', async () => {
    const encoder = await openPhotoEncoder({ weights: writeCustomEncoder(folder, { side: 40, dimension: 3 }), threads: 1 });
    try {
      expect(encoder.identity).toMatchObject({ encoder: 'tiny-conv', preprocessing: 'centre-square-40-linear-v1', dimension: 3 });
      const [dark, bright] = await featuresOf(encoder.encode([await grey(20), await grey(250)]));
      expect(dark).toHaveLength(3);
      expect(dark).not.toEqual(bright);
    } finally {
      await encoder.close();
    }
  });

  test('int8 is calibrated on the photos of a folder, and needs one', async () => {
    const weights = join(folder, 'narrow.safetensors');
    const { safetensors, sha256 } = narrowWeights(1);
    writeFileSync(weights, safetensors);
    for (const value of [10, 90, 200]) writeFileSync(join(folder, `${value}.png`), await grey(value));
    const seen: number[][] = [];
    const calibration = { folder, count: 2, onPhoto: (...progress: [number, number]) => void seen.push(progress) };
    const encoder = await openPhotoEncoder({ weights, precision: 'int8', calibration, threads: 1 });
    try {
      expect(encoder.identity).toMatchObject({ precision: 'int8', weightsSha256: expect.not.stringMatching(sha256) as string });
      expect(encoder.description).toMatchObject({ precision: 'int8', device: 'cpu' });
      expect(seen).toEqual([
        [1, 2],
        [2, 2],
      ]);
      const [feature] = await featuresOf(encoder.encode([await grey(128)]));
      expect(feature).toHaveLength(encoder.identity.dimension);
    } finally {
      await encoder.close();
    }
    await expect(openPhotoEncoder({ weights, precision: 'int8' })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
