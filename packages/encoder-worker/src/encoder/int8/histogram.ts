/** Bins of a histogram: at least half of them are below the greatest value. */
const BINS = 4_096;
const LEVELS = 255;
/** Share of the greatest value below which clipping is never tried, and how many clips are. */
const LEAST_SHARE = 0.3;
const CANDIDATES = 71;
/** Below it everything counts as zero. */
const LEAST_RANGE = 2 ** -20;

/**
 * Counts non-negative numbers in bins of equal width over [0, range). The range is a power of two and doubles when a number is beyond
 * it, merging bins in pairs, so that what is counted does not depend on the order in which numbers came.
 */
export class Histogram {
  readonly #counts = new Float64Array(BINS);
  #range = LEAST_RANGE;
  #greatest = 0;

  get greatest(): number {
    return this.#greatest;
  }

  add(values: Float32Array): void {
    let greatest = this.#greatest;
    for (let index = 0; index < values.length; index++) if (values[index]! > greatest) greatest = values[index]!;
    if (greatest === Infinity) throw new RangeError('Expected finite numbers for a histogram but received Infinity');
    this.#greatest = greatest;
    while (greatest >= this.#range) this.#double();
    const counts = this.#counts;
    const binsPerUnit = BINS / this.#range;
    for (let index = 0; index < values.length; index++) counts[(values[index]! * binsPerUnit) | 0]!++;
  }

  #double(): void {
    for (let bin = 0; bin < BINS / 2; bin++) this.#counts[bin] = this.#counts[2 * bin]! + this.#counts[2 * bin + 1]!;
    this.#counts.fill(0, BINS / 2);
    this.#range *= 2;
  }

  /**
   * The clip whose 255 equal steps lose least of the numbers counted: mean squared error of rounding below it and of clipping above
   * it. 0 when nothing but zeros was counted.
   */
  leastErrorClip(): number {
    let best = { clip: this.#greatest, error: Infinity };
    for (let candidate = 0; candidate < CANDIDATES; candidate++) {
      const clip = this.#greatest * (LEAST_SHARE + ((1 - LEAST_SHARE) * candidate) / (CANDIDATES - 1));
      const error = this.#squaredError(clip / LEVELS);
      if (error < best.error) best = { clip, error };
    }
    return best.clip;
  }

  #squaredError(step: number): number {
    const width = this.#range / BINS;
    let sum = 0;
    // The first bin holds the zeros of the ReLU, which are exact whatever the step.
    for (let bin = 1; bin < BINS; bin++) {
      const count = this.#counts[bin]!;
      if (count === 0) continue;
      const value = (bin + 0.5) * width;
      const nearest = (value / step + 0.5) | 0;
      const error = (nearest < LEVELS ? nearest : LEVELS) * step - value;
      sum += count * error * error;
    }
    return sum;
  }
}
