import { setImmediate as breathe } from 'node:timers/promises';
import { batchesOf } from '../dataset/batches';
import { ownOrder } from '../dataset/epoch-order';
import type { FeatureTable } from '../dataset/feature-table';
import { sampleCount } from '../dataset/samples';
import type { Vocabulary } from '../dataset/vocabulary';
import type { Decoder } from '../decoding/decoder';
import type { TrainingEngine } from '../engine/engine';
import { CiderD, type CiderVector, DocumentFrequencies } from '../evaluation/cider';
import { tokenize } from '../evaluation/tokenizer';
import type { ValidationData } from './data';

/** How well a captioner does on the validation splits. */
export interface ValidationResult {
  /** Mean per real token, natural logarithm. */
  readonly loss: number;
  /** CIDEr-D of greedy captions, mean over the images. */
  readonly cider: number;
}

export interface ValidationOptions {
  readonly data: ValidationData;
  readonly features: FeatureTable;
  readonly vocabulary: Vocabulary;
  readonly batchSize: number;
  readonly engine: TrainingEngine;
  /** Of the same network; it gets the engine's weights. Whoever opened it closes it. */
  readonly decoder: Decoder;
}

/** Images decoded at a time; between them others get their turn. */
const IMAGES = 256;

/** Validates again and again, after each epoch, on the same images. */
export class Validation {
  readonly #cider: CiderD<string>;
  /** Of each image's references. */
  readonly #references: readonly (readonly CiderVector[])[];

  constructor(private readonly options: ValidationOptions) {
    const references = options.data.images.map((image) => image.references.map(tokenize));
    this.#cider = new CiderD(DocumentFrequencies.of(references));
    this.#references = references.map((captions) => captions.map((caption) => this.#cider.vector(caption)));
  }

  /** `halt` is asked again and again and may throw; when it says true, the answer is `undefined`. */
  async run(halt: () => boolean): Promise<ValidationResult | undefined> {
    const loss = await this.#loss(halt);
    if (loss === undefined) return undefined;
    // Captions of weights that have diverged say nothing.
    const cider = Number.isFinite(loss) ? await this.#meanCider(halt) : 0;
    return cider === undefined ? undefined : { loss, cider };
  }

  async #loss(halt: () => boolean): Promise<number | undefined> {
    const { data, features, batchSize, engine } = this.options;
    const total = { lossSum: 0, tokens: 0 };
    for await (const batch of batchesOf(features, data.samples, ownOrder(sampleCount(data.samples)), batchSize)) {
      if (halt()) return undefined;
      const { lossSum, tokens } = await engine.evaluate(batch);
      total.lossSum += lossSum;
      total.tokens += tokens;
      await breathe();
    }
    return total.lossSum / total.tokens;
  }

  async #meanCider(halt: () => boolean): Promise<number | undefined> {
    const { data, features, vocabulary, engine, decoder } = this.options;
    decoder.load(engine.weights());
    const { images } = data;
    let sum = 0;
    for (let from = 0; from < images.length; from += IMAGES) {
      if (halt()) return undefined;
      const rows = images.slice(from, from + IMAGES).map(({ row }) => row);
      const captions = await decoder.decode(await features.gather(rows), rows.length, { beam: 1 });
      for (const [index, { ids }] of captions.entries())
        sum += this.#cider.score(tokenize(vocabulary.decode(ids).join(' ')), this.#references[from + index]!);
      await breathe();
    }
    return sum / images.length;
  }
}
