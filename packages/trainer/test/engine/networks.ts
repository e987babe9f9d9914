import type { Batch } from '../../src/engine/engine';
import { Random } from '../../src/model/random';

export const sizes = { dimension: 5, vocabularySize: 9 };
export const settings = { units: 6, embedding: 4, maxLength: 6, learningRate: 0.01, blockUnknown: false };
export const regularized = { dropout: 0.3, scheduledSampling: 0.8, labelSmoothing: 0.1 };
/** Every part of the network in more than one company. */
export const NETWORKS: Readonly<Record<string, Record<string, unknown>>> = {
  seed: {},
  'first-input': { image: 'first-input', imageActivation: 'linear' },
  'every-input': { image: 'every-input' },
  'layer norm, tied, standardised': { image: 'every-input', layerNorm: true, tiedEmbeddings: true, standardize: true },
  'layer norm, photo first': { image: 'first-input', layerNorm: true },
};

const random = new Random(12);
/** Captions of up to five words. */
export const batches: Batch[] = Array.from({ length: 5 }, () => {
  const captions = Array.from({ length: 6 }, () =>
    Int32Array.from([1, ...Array.from({ length: random.below(6) }, () => 3 + random.below(6)), 2]),
  );
  return { captions, features: Float32Array.from({ length: captions.length * sizes.dimension }, () => random.normal()) };
});
