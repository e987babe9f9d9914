/** Mean and deviation of each number of the training features, [F] each. */
export interface FeatureStatistics {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/** Sums over features that come piece by piece, in float64. The same features in the same order give the same bits. */
export class FeatureSums {
  #rows = 0;
  #first: Float32Array | undefined;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;

  constructor(private readonly dimension: number) {
    this.#sums = new Float64Array(dimension);
    this.#squares = new Float64Array(dimension);
  }

  /** @param features row-major [rows, dimension] */
  add(features: Float32Array): void {
    const { dimension } = this;
    // Differences from the first row: a number that never varies has a deviation of exactly 0, and large means cost no digits.
    const first = (this.#first ??= features.slice(0, dimension));
    for (let start = 0; start < features.length; start += dimension) {
      for (let column = 0; column < dimension; column++) {
        const difference = features[start + column]! - first[column]!;
        this.#sums[column]! += difference;
        this.#squares[column]! += difference * difference;
      }
      this.#rows++;
    }
  }

  /** Of a number that never varies the deviation is told as 1, so that it is centred and nothing is divided by 0. */
  statistics(): FeatureStatistics {
    const mean = new Float32Array(this.dimension);
    const deviation = new Float32Array(this.dimension);
    for (let column = 0; column < this.dimension; column++) {
      const shift = this.#sums[column]! / this.#rows;
      mean[column] = this.#first![column]! + shift;
      deviation[column] = Math.sqrt(Math.max(0, this.#squares[column]! / this.#rows - shift * shift)) || 1;
    }
    return { mean, deviation };
  }
}
