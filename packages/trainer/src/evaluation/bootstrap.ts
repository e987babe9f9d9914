import { Random } from '../model/random';
import { bleu } from './bleu';
import { ORDERS } from './ngrams';
import { METRICS, type Metric, type Metrics, type Scores } from './scores';

export interface BootstrapOptions {
  /** Default 10,000. */
  readonly resamples?: number;
  /** The same seed gives the same intervals. Default 0. */
  readonly seed?: number;
}

/** Where 95 % of the resamples lie: from the 2.5th to the 97.5th percentile. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface Difference extends Interval {
  /** The second model's score less the first's. */
  readonly difference: number;
  /**
   * Two-sided: twice the share of resamples in which the better model is not better. Below 0.05 exactly where the interval leaves out 0,
   * but for rounding; never below 2 / (resamples + 1).
   */
  readonly p: number;
}

const RESAMPLES = 10_000;
const OUTSIDE = 0.025;

/** An image's row: lengths of candidate and reference, guessed and correct n-grams of each order, ROUGE-L, CIDEr. */
const WIDTH = 2 + 2 * ORDERS + 2;

/** How far chance in the choice of images moves each metric: the images are drawn anew, with replacement, again and again. */
export function bootstrapIntervals(scores: Scores, options: BootstrapOptions = {}): Record<Metric, Interval> {
  const { resamples = RESAMPLES } = options;
  const drawn = METRICS.map(() => new Float64Array(resamples));
  resample(rowsOf([scores]), WIDTH, options, (sums, number) => {
    const metrics = metricsOf(sums, 0, scores.images.length);
    for (const [index, metric] of METRICS.entries()) drawn[index]![number] = metrics[metric];
  });
  return byMetric((_, index) => intervalOf(drawn[index]!));
}

/**
 * How the second model's scores differ from the first's, and whether that is more than chance: both are drawn the same images, so
 * that what is hard for both does not blur the difference.
 * @param first of the same images, in the same order, as `second`.
 */
export function pairedBootstrap(first: Scores, second: Scores, options: BootstrapOptions = {}): Record<Metric, Difference> {
  const { length } = first.images;
  if (length !== second.images.length || first.images.some(({ imageId }, index) => imageId !== second.images[index]!.imageId))
    throw new RangeError('Expected the same images in the same order for two models that are compared');
  const { resamples = RESAMPLES } = options;
  const drawn = METRICS.map(() => new Float64Array(resamples));
  resample(rowsOf([first, second]), 2 * WIDTH, options, (sums, number) => {
    const [before, after] = [metricsOf(sums, 0, length), metricsOf(sums, WIDTH, length)];
    for (const [index, metric] of METRICS.entries()) drawn[index]![number] = after[metric] - before[metric];
  });
  return byMetric((metric, index) => ({
    difference: second.metrics[metric] - first.metrics[metric],
    ...intervalOf(drawn[index]!),
    p: chance(drawn[index]!),
  }));
}

/** The rows of all images, those of several models side by side. */
function rowsOf(models: readonly Scores[]): Float64Array {
  const width = models.length * WIDTH;
  const rows = new Float64Array(models[0]!.images.length * width);
  for (const [place, { images, counts }] of models.entries())
    for (const [index, { ROUGE_L, CIDEr }] of images.entries()) {
      const { candidateLength, referenceLength, guessed, correct } = counts[index]!;
      rows.set([candidateLength, referenceLength, ...guessed, ...correct, ROUGE_L, CIDEr], index * width + place * WIDTH);
    }
  return rows;
}

/** Tells the sums over as many images as there are, drawn with replacement, `resamples` times. */
function resample(
  rows: Float64Array,
  width: number,
  { resamples = RESAMPLES, seed = 0 }: BootstrapOptions,
  tell: (sums: Float64Array, number: number) => void,
): void {
  const images = rows.length / width;
  const random = new Random(seed);
  const times = new Uint32Array(images);
  const sums = new Float64Array(width);
  for (let number = 0; number < resamples; number++) {
    times.fill(0);
    for (let draw = 0; draw < images; draw++) times[random.below(images)]! += 1;
    for (let column = 0; column < width; column += COLUMNS) sumColumns(rows, width, column, times, sums);
    tell(sums, number);
  }
}

/** Columns that are summed in one pass: sums in variables instead of an array make the whole three times as fast. `WIDTH` is a multiple. */
const COLUMNS = 4;

function sumColumns(rows: Float64Array, width: number, column: number, times: Uint32Array, sums: Float64Array): void {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  for (let image = 0, place = column; image < times.length; image++, place += width) {
    const weight = times[image]!;
    first += weight * rows[place]!;
    second += weight * rows[place + 1]!;
    third += weight * rows[place + 2]!;
    fourth += weight * rows[place + 3]!;
  }
  sums.set([first, second, third, fourth], column);
}

function metricsOf(sums: Float64Array, from: number, images: number): Metrics {
  const [candidateLength = 0, referenceLength = 0, ...rest] = sums.subarray(from, from + WIDTH);
  const guessed = rest.slice(0, ORDERS);
  const correct = rest.slice(ORDERS, 2 * ORDERS);
  const [one, two, three, four] = bleu({ candidateLength, referenceLength, guessed, correct });
  const [rouge = 0, cider = 0] = rest.slice(2 * ORDERS);
  return { Bleu_1: one!, Bleu_2: two!, Bleu_3: three!, Bleu_4: four!, ROUGE_L: rouge / images, CIDEr: cider / images };
}

function byMetric<T>(of: (metric: Metric, index: number) => T): Record<Metric, T> {
  return Object.fromEntries(METRICS.map((metric, index) => [metric, of(metric, index)])) as Record<Metric, T>;
}

function intervalOf(drawn: Float64Array): Interval {
  const sorted = drawn.toSorted();
  return { low: quantile(sorted, OUTSIDE), high: quantile(sorted, 1 - OUTSIDE) };
}

/** Between two numbers it lies on the line between them. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const [low = 0, high = low] = sorted.subarray(below, below + 2);
  return low + (high - low) * (place - below);
}

function chance(drawn: Float64Array): number {
  let notAbove = 0;
  let notBelow = 0;
  for (const difference of drawn) {
    if (difference <= 0) notAbove += 1;
    if (difference >= 0) notBelow += 1;
  }
  return Math.min(1, (2 * (Math.min(notAbove, notBelow) + 1)) / (drawn.length + 1));
}
