import { END, START } from '../model/tokens';
import { type BlockSettings, blockedAlways, repeatsOf } from './blocked';
import { type DecodedCaption, decodedCaption, type Hypothesis } from './decoded-caption';

export interface BeamSettings extends BlockSettings {
  /** Hypotheses of an image that go on at each step. */
  readonly width: number;
  /** Most tokens of a caption, END counted. */
  readonly maxLength: number;
  /** Finished captions are compared by log-probability / tokens ^ this. */
  readonly lengthNormalization: number;
  /** Captions that are wanted of each image. */
  readonly best: number;
}

/** Likeliest tokens of each row, row after row: the likeliest first, equally likely ones by id. */
export interface LikeliestTokens {
  readonly tokens: ArrayLike<number>;
  readonly logProbabilities: ArrayLike<number>;
  /** Tokens of a row. */
  readonly each: number;
}

interface ImageBeam {
  live: Hypothesis[];
  /** The best so far by score, best first, at most as many as are wanted. */
  finished: Finished[];
}

interface Finished {
  readonly hypothesis: Hypothesis;
  readonly score: number;
}

/**
 * Beam search over many images at once, without the network: it says which rows go on with which token (`from`, `tokens`), is told
 * what may follow them (`advance`), and ends with no rows.
 *
 * At each step every live hypothesis of an image is continued by every token that is not blocked; continuations are ranked by the sum
 * of log-probabilities (ties: the earlier hypothesis, then the smaller id). Those among the best `width` that end in END are finished;
 * the best `width` that do not live on. The answer is the finished one with the best `sum / length ^ lengthNormalization`, an unfinished
 * one only if none finished. An image ends early only when nothing that lives can change its answer any more.
 */
export class BeamSearch {
  readonly #settings: BeamSettings;
  readonly #always: readonly number[];
  readonly #images: ImageBeam[];
  /** Images with rows, in the order of their rows. */
  #running: ImageBeam[];
  #repeats: ReadonlySet<number>[] = [];
  #from: number[];
  #step = 0;

  constructor(images: number, settings: BeamSettings) {
    this.#settings = settings;
    this.#always = blockedAlways(settings);
    const start: Hypothesis = { token: START, logProbability: 0, sum: 0, length: 0, before: undefined };
    this.#images = Array.from({ length: images }, () => ({ live: [start], finished: [] }));
    this.#running = this.#images;
    this.#from = Array.from(this.#images.keys());
  }

  /** Of each row, the row of the step before that it goes on from; at first the image. Empty when the search is over. */
  get from(): readonly number[] {
    return this.#from;
  }

  /** The token that each row reads. */
  get tokens(): readonly number[] {
    return this.#running.flatMap(({ live }) => live.map(({ token }) => token));
  }

  /** How many of each row's likeliest tokens `advance` needs so that none is missed; where the vocabulary is smaller, all. */
  get needed(): number {
    const { width } = this.#settings;
    // Were END among them, `width` others must still be there.
    return width + 1 + this.#always.length + this.#repeats.reduce((most, { size }) => Math.max(most, size), 0);
  }

  advance(likeliest: LikeliestTokens): void {
    this.#step += 1;
    const running: ImageBeam[] = [];
    const from: number[] = [];
    let row = 0;
    for (const image of this.#running) {
      const rows = image.live.length;
      const origins = this.#continue(image, row, likeliest);
      row += rows;
      if (this.#step === this.#settings.maxLength || this.#decided(image)) continue;
      running.push(image);
      for (const origin of origins) from.push(origin);
    }
    this.#running = running;
    this.#from = from;
    const { blockRepeats } = this.#settings;
    if (blockRepeats > 0) this.#repeats = running.flatMap(({ live }) => live.map((hypothesis) => repeatsOf(hypothesis, blockRepeats)));
  }

  /** Of each image its captions, best first. */
  captions(): DecodedCaption[][] {
    return this.#images.map(({ live, finished }) => {
      const best = [...finished];
      if (best.length === 0) for (const hypothesis of live) this.#keep(best, hypothesis);
      return best.map(({ hypothesis }) => decodedCaption(hypothesis));
    });
  }

  /** Replaces what lives of an image by its continuations. @returns of each of them, the row that it goes on from. */
  #continue(image: ImageBeam, firstRow: number, { tokens, logProbabilities, each }: LikeliestTokens): number[] {
    const { width } = this.#settings;
    const ranked: (Hypothesis & { readonly row: number })[] = [];
    for (const [index, before] of image.live.entries()) {
      const row = firstRow + index;
      const repeats = this.#repeats[row];
      for (let place = row * each; place < (row + 1) * each; place++) {
        const token = tokens[place]!;
        if (this.#always.includes(token) || repeats?.has(token)) continue;
        const logProbability = logProbabilities[place]!;
        ranked.push({ token, logProbability, sum: before.sum + logProbability, length: before.length + 1, before, row });
      }
    }
    ranked.sort((a, b) => b.sum - a.sum || a.row - b.row || a.token - b.token);
    for (const hypothesis of ranked.slice(0, width)) if (hypothesis.token === END) this.#keep(image.finished, hypothesis);
    const live = ranked.filter(({ token }) => token !== END).slice(0, width);
    image.live = live;
    return live.map(({ row }) => row);
  }

  /** Puts a caption among the best, behind those that score alike. */
  #keep(best: Finished[], hypothesis: Hypothesis): void {
    const score = hypothesis.sum / hypothesis.length ** this.#settings.lengthNormalization;
    const behind = best.findIndex((other) => other.score < score);
    best.splice(behind === -1 ? best.length : behind, 0, { hypothesis, score });
    best.length = Math.min(best.length, this.#settings.best);
  }

  /** Sums only fall and captions only grow, so nothing that lives can ever score better than its sum does at full length. */
  #decided({ live, finished }: ImageBeam): boolean {
    const { best, maxLength, lengthNormalization } = this.#settings;
    const [likeliest] = live;
    if (likeliest === undefined) return true;
    return finished.length === best && finished[best - 1]!.score >= likeliest.sum / maxLength ** lengthNormalization;
  }
}
