const FIRST = 8;

/** What a look at a feature tells. */
export interface FeatureFigures {
  readonly dimension: number;
  /** Euclidean. */
  readonly norm: number;
  readonly min: number;
  readonly max: number;
  readonly zeros: number;
  readonly first: readonly number[];
}

export function featureFigures(feature: Float32Array): FeatureFigures {
  let [squares, min, max, zeros] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of feature) {
    squares += value * value;
    min = Math.min(min, value);
    max = Math.max(max, value);
    if (value === 0) zeros++;
  }
  return { dimension: feature.length, norm: Math.sqrt(squares), min, max, zeros, first: [...feature.subarray(0, FIRST)] };
}
