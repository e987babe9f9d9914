import { sha256 } from '@showtell/shared/hash';
import { LAYERS } from '../src/encoder/inception-v3';
import { collectWeights, type EncoderWeights, encodeWeights, type FoundTensor, layerNames } from '../src/encoder/weights/tensors';

/** A random InceptionV3 of the real topology with 4–8 filters per convolution: milliseconds per image. The same for one seed. */
export function narrowEncoderWeights(seed: number): EncoderWeights {
  const tensors = narrowTensors(seed);
  return collectWeights((layer, variable) => tensors.get(`${layer}/${variable}`), 'x/127.5-1', `narrow weights ${seed}`);
}

/** The same as a canonical weights file: write `safetensors` to a file and name its path wherever weights are asked for. */
export function narrowWeights(seed: number): { safetensors: Buffer; sha256: string; dimension: number } {
  const weights = narrowEncoderWeights(seed);
  const safetensors = encodeWeights(weights);
  return { safetensors, sha256: sha256(safetensors), dimension: weights.dimension };
}

/** By `conv2d_1/kernel`, `batch_normalization_1/beta` and so on. */
export function narrowTensors(seed: number): Map<string, FoundTensor> {
  const random = mulberry32(seed);
  const uniform = (length: number, low: number, high: number) => Float32Array.from({ length }, () => low + (high - low) * random());
  const tensors = new Map<string, FoundTensor>();
  const width = new Map([['input', 3]]);
  for (const layer of LAYERS) {
    if (layer.kind === 'concat')
      width.set(
        layer.name,
        layer.inputs.reduce((sum, input) => sum + width.get(input)!, 0),
      );
    else if (layer.kind !== 'convolution') width.set(layer.name, width.get(layer.input)!);
    else {
      const [height, columns] = layer.kernel;
      const channels = width.get(layer.input)!;
      const filters = 4 + 2 * (layer.number % 3);
      const names = layerNames(layer.number);
      // He's uniform initialisation keeps the signal's size over 94 layers; the offsets keep narrow layers alive.
      const limit = Math.sqrt(6 / (height * columns * channels));
      const shape = [height, columns, channels, filters];
      tensors.set(`${names.convolution}/kernel`, { shape, data: uniform(height * columns * channels * filters, -limit, limit) });
      const norm = (variable: string, low: number, high: number) =>
        tensors.set(`${names.batchNorm}/${variable}`, { shape: [filters], data: uniform(filters, low, high) });
      norm('beta', 0, 0.3);
      norm('moving_mean', -0.2, 0.2);
      norm('moving_variance', 0.7, 1.3);
      width.set(layer.name, filters);
    }
  }
  return tensors;
}

/** A small generator of uniform numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
