import { Random } from '../model/random';
import { END, START } from '../model/tokens';
import { type BlockSettings, blockedAlways, repeatsOf } from './blocked';
import { type DecodedCaption, decodedCaption, type Hypothesis } from './decoded-caption';

export interface SamplingSettings extends BlockSettings {
  /** Captions of each image. */
  readonly count: number;
  /** Most tokens of a caption, END counted. */
  readonly maxLength: number;
  /** Log-probabilities are divided by it: below 1 likely words become likelier, above 1 unlikely ones. */
  readonly temperature: number;
  /** Only the fewest tokens that have this probability together are drawn from; 1 for all. */
  readonly topP: number;
}

interface Sample {
  hypothesis: Hypothesis;
  /** Its own, so that a caption does not depend on the captions beside it. */
  readonly random: Random;
}

/** Log-probabilities of all tokens for each row, [rows, vocabularySize]. */
export interface AllTokens {
  readonly logProbabilities: Float32Array;
  readonly vocabularySize: number;
}

/** Draws captions of many images at once, without the network, as `BeamSearch` searches for them. */
export class Sampling {
  readonly #settings: SamplingSettings;
  readonly #always: readonly number[];
  readonly #images: Sample[][];
  /** The captions that each row is drawn for: at first all of an image, then one. */
  #rows: readonly (readonly Sample[])[];
  #from: number[];
  #step = 0;

  /** @param random draws one seed for each caption, in order: an image's captions are the same in any batch. */
  constructor(images: number, settings: SamplingSettings, random: Random) {
    this.#settings = settings;
    this.#always = blockedAlways(settings);
    const hypothesis: Hypothesis = { token: START, logProbability: 0, sum: 0, length: 0, before: undefined };
    this.#images = Array.from({ length: images }, () =>
      Array.from({ length: settings.count }, () => ({ hypothesis, random: forkOf(random) })),
    );
    this.#rows = this.#images;
    this.#from = Array.from(this.#images.keys());
  }

  /** As of `BeamSearch`. */
  get from(): readonly number[] {
    return this.#from;
  }

  get tokens(): readonly number[] {
    return this.#rows.map(([sample]) => sample!.hypothesis.token);
  }

  /** Log-probabilities are written over: blocked tokens lose theirs. */
  advance({ logProbabilities, vocabularySize }: AllTokens): void {
    this.#step += 1;
    const { blockRepeats, temperature, topP, maxLength } = this.#settings;
    const rows: Sample[][] = [];
    const from: number[] = [];
    for (const [row, samples] of this.#rows.entries()) {
      const own = logProbabilities.subarray(row * vocabularySize, (row + 1) * vocabularySize);
      // Captions that share a row are alike so far.
      const blocked = [...this.#always, ...repeatsOf(samples[0]!.hypothesis, blockRepeats)];
      const distribution = distributionOf(own, blocked, temperature, topP);
      for (const sample of samples) {
        const before = sample.hypothesis;
        const token = distribution(sample.random.uniform());
        const logProbability = own[token]!;
        sample.hypothesis = { token, logProbability, sum: before.sum + logProbability, length: before.length + 1, before };
        if (token === END || this.#step === maxLength) continue;
        rows.push([sample]);
        from.push(row);
      }
    }
    this.#rows = rows;
    this.#from = from;
  }

  /** Of each image its captions, in the order in which they were drawn. */
  captions(): DecodedCaption[][] {
    return this.#images.map((samples) => samples.map(({ hypothesis }) => decodedCaption(hypothesis)));
  }
}

const forkOf = (random: Random) => new Random([random.next(), random.next(), random.next(), random.next()]);

/** A number in [0, 1) to a token. */
type Distribution = (uniform: number) => number;

/** How much may be blocked before what is left is too small a difference of 1 to be told by it. */
const MOST_BLOCKED = 0.5;

/** @param logProbabilities of one row; those of blocked tokens become −∞. */
export function distributionOf(
  logProbabilities: Float32Array,
  blocked: readonly number[],
  temperature: number,
  topP: number,
): Distribution {
  let blockedMass = 0;
  for (const token of blocked) {
    blockedMass += Math.exp(logProbabilities[token]!);
    logProbabilities[token] = Number.NEGATIVE_INFINITY;
  }
  const shaped = temperature !== 1 || topP < 1;
  if (shaped || blockedMass > MOST_BLOCKED) return shapedDistribution(logProbabilities, temperature, topP);
  return (uniform) => {
    // The commonest words have the smallest ids, so the place is found after a few of thousands, and no sum over all is needed.
    let left = uniform * (1 - blockedMass);
    for (let token = END; token < logProbabilities.length; token++) {
      left -= Math.exp(logProbabilities[token]!);
      if (left < 0) return token;
    }
    // Rounding has left a little less than the whole.
    return shapedDistribution(logProbabilities, 1, 1)(uniform);
  };
}

/** The distribution summed up over all tokens. Plain loops: callbacks made it ten times slower. */
function shapedDistribution(logProbabilities: Float32Array, temperature: number, topP: number): Distribution {
  let largest = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logProbabilities.length; token++) largest = Math.max(largest, logProbabilities[token]!);
  const weights = new Float64Array(logProbabilities.length);
  let total = 0;
  for (let token = 0; token < weights.length; token++) {
    weights[token] = Math.exp((logProbabilities[token]! - largest) / temperature);
    total += weights[token]!;
  }
  if (topP < 1) total = keepNucleus(weights, total, topP);
  return (uniform) => {
    let left = uniform * total;
    let last = END;
    for (let token = 0; token < weights.length; token++) {
      if (weights[token] === 0) continue;
      left -= weights[token]!;
      if (left < 0) return token;
      last = token;
    }
    // Rounding has left a little less than the whole.
    return last;
  };
}

/** Keeps the likeliest tokens (equal ones by id) until together they have `topP` of the total. @returns what they have together. */
function keepNucleus(weights: Float64Array, total: number, topP: number): number {
  // All tokens below this have less than 1 − topP together, so none of them is in the nucleus.
  const least = ((1 - topP) * total) / weights.length;
  // Numbers alone are sorted many times faster than ids by their numbers.
  const sorted = weights.filter((weight) => weight >= least).sort();
  let place = sorted.length;
  let sum = 0;
  while (place > 0 && sum < topP * total) sum += sorted[--place]!;
  const lightest = sorted[place]!;
  let alike = sorted.lastIndexOf(lightest) - place + 1;
  for (let token = 0; token < weights.length; token++)
    if (weights[token]! < lightest || (weights[token] === lightest && alike-- <= 0)) weights[token] = 0;
  return sum;
}
