import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { type CaptionSamples, captionOf, sampleCount } from '../dataset/samples';
import type { DecodedCaption, Decoder } from '../decoding/decoder';
import type { Batch } from '../engine/engine';
import { CiderD, type CiderVector, DocumentFrequencies } from '../evaluation/cider';
import { Random } from '../model/random';
import { END, START } from '../model/tokens';

/** Captions that the captioner itself made, each token weighted by how much better its caption is than others of its image. */
export interface RewardedBatch {
  readonly batch: Batch;
  /** Mean CIDEr-D of the samples, END counted as a token. */
  readonly reward: number;
}

export interface SelfCriticalOptions {
  readonly hyperparameters: Pick<Hyperparameters, 'baseline' | 'samples'>;
  readonly seed: number;
  /** All captions that are trained on: what samples are compared with. */
  readonly captions: CaptionSamples;
}

/**
 * Self-critical training (Rennie et al., https://arxiv.org/abs/1612.00563): captions are drawn from the captioner, and the gradient of
 * −E[CIDEr-D] is that of Σ (reward − baseline) · −log p over their tokens. The baseline is the reward of the greedy caption, or the mean
 * of the other samples of the image (Luo, https://arxiv.org/abs/2003.09971).
 *
 * Tokens are ids, and END is one: without it the captioner learns to leave sentences without an end. Document frequencies are those of the
 * training captions.
 */
export class SelfCritical {
  /** One for each image, in the order of their first captions; the caption stands for nothing. */
  readonly images: CaptionSamples;
  readonly #cider: CiderD<number>;
  readonly #references: readonly (readonly CiderVector[])[];

  constructor(private readonly options: SelfCriticalOptions) {
    const { captions } = options;
    const captionsOf = new Map<number, number[]>();
    for (let sample = 0; sample < sampleCount(captions); sample++) {
      const row = captions.rows[sample]!;
      const found = captionsOf.get(row);
      if (found) found.push(sample);
      else captionsOf.set(row, [sample]);
    }
    const references = Array.from(captionsOf.values(), (samples) => samples.map((sample) => captionOf(captions, sample).subarray(1)));
    this.#cider = new CiderD(DocumentFrequencies.of(references));
    this.#references = references.map((tokens) => tokens.map((reference) => this.#cider.vector(reference)));
    this.images = { rows: Int32Array.from(captionsOf.keys()), ids: new Int32Array(), starts: new Int32Array(captionsOf.size + 1) };
  }

  /**
   * Draws captions for some images. They depend on the seed, the step and the decoder's weights alone.
   * @param features row-major [images.length, dimension]
   * @param images numbers in `images`
   */
  async rewarded(decoder: Decoder, features: Float32Array, images: ArrayLike<number>, step: number): Promise<RewardedBatch> {
    const { hyperparameters, seed } = this.options;
    const { baseline, samples: count } = hyperparameters;
    const random = Random.of(`self-critical ${seed} ${step}`);
    // Repeats are as likely as the captioner makes them: it has to learn that they are worth nothing.
    const drawn = await decoder.sample(features, images.length, { count, seed: random, blockRepeats: 0 });
    const greedy = baseline === 'greedy' ? await decoder.decode(features, images.length, { beam: 1, blockRepeats: 0 }) : undefined;

    const dimension = features.length / images.length;
    const rows = new Float32Array(images.length * count * dimension);
    const captions: Int32Array[] = [];
    const advantages: number[] = [];
    let total = 0;
    for (const [place, samples] of drawn.entries()) {
      const references = this.#references[images[place]!]!;
      const rewards = samples.map((sample) => this.#cider.score(tokensOf(sample), references));
      const sum = rewards.reduce((before, reward) => before + reward, 0);
      const against = greedy && this.#cider.score(tokensOf(greedy[place]!), references);
      total += sum;
      for (const [index, sample] of samples.entries()) {
        const reward = rewards[index]!;
        rows.set(features.subarray(place * dimension, (place + 1) * dimension), captions.length * dimension);
        captions.push(Int32Array.of(START, ...sample.ids, END));
        advantages.push(reward - (against ?? (sum - reward) / (count - 1)));
      }
    }
    const tokens = drawn.flat().reduce((before, sample) => before + tokensOf(sample).length, 0);
    const weights = captions.map((caption, row) => {
      const weight = new Float32Array(caption.length - 1).fill(advantages[row]! / tokens);
      // A caption that was cut at the longest length did not draw the END behind it.
      if (!drawn[Math.floor(row / count)]![row % count]!.ended) weight[weight.length - 1] = 0;
      return weight;
    });
    return { batch: { features: rows, captions, weights }, reward: total / captions.length };
  }
}

/** What was drawn: END as well, where it was. */
const tokensOf = ({ ids, ended }: DecodedCaption): number[] => (ended ? [...ids, END] : [...ids]);
