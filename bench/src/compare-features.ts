import { relativeError } from './feature-error';

/** How far features are from those expected of the same photos. */
export interface Comparison {
  readonly meanCosine: number;
  readonly leastCosine: number;
  /** ‖features − expected‖ / ‖expected‖ of all photos together. */
  readonly relativeError: number;
  /** The mean of every photo's own. */
  readonly meanRelativeError: number;
}

/** @param dimension of one photo's feature. @throws RangeError when there are not as many of them. */
export function compareFeatures(features: Float32Array, expected: Float32Array, dimension: number): Comparison {
  const photos = Array.from({ length: expected.length / dimension }, (_, photo) => {
    const [a, b] = [features, expected].map((of) => of.subarray(photo * dimension, (photo + 1) * dimension)) as [
      Float32Array,
      Float32Array,
    ];
    return { cosine: dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), error: relativeError(a, b) };
  });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    meanCosine: mean(photos.map(({ cosine }) => cosine)),
    leastCosine: Math.min(...photos.map(({ cosine }) => cosine)),
    relativeError: relativeError(features, expected),
    meanRelativeError: mean(photos.map(({ error }) => error)),
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
