import { END, START } from '../model/tokens';
import { GrowingIntegers } from './growing-integers';
import { wordsOf } from './words';

/** Captions to train on or to validate on, and the images they belong to. */
export interface CaptionSamples {
  /** [samples] the row of each caption's image in the table of features. */
  readonly rows: Int32Array;
  /** Ids `START w1 … wn END` of all captions, one behind the other… */
  readonly ids: Int32Array;
  /** …[samples + 1] beginning here. */
  readonly starts: Int32Array;
}

/** Captions that are left out, by reason: a log tells them. */
export interface Dropped {
  readonly tooLong: number;
  readonly withoutWords: number;
  readonly withoutFeature: number;
}

export const sampleCount = ({ rows }: CaptionSamples): number => rows.length;

/** Ids of one caption, sharing memory with all. */
export function captionOf({ ids, starts }: CaptionSamples, sample: number): Int32Array {
  return ids.subarray(starts[sample], starts[sample + 1]);
}

/**
 * Collects captions as ids, in flat arrays: ten million of them must fit into memory. A caption of more than `maxLength` words is
 * dropped, not cut: a cut one would teach sentences that end nowhere.
 */
export class SampleCollector {
  readonly #rows = new GrowingIntegers();
  readonly #ids = new GrowingIntegers();
  readonly #starts = new GrowingIntegers();
  readonly #dropped = { tooLong: 0, withoutWords: 0, withoutFeature: 0 };

  /** @param idOf the id of a word; called once for each word of each caption that is kept, in their order. */
  constructor(
    private readonly maxLength: number,
    private readonly idOf: (word: string) => number,
  ) {}

  /** @param row of the caption's image; images that were rejected have none. */
  add(caption: string, row: number | undefined): void {
    const words = row === undefined ? [] : wordsOf(caption);
    if (row === undefined) this.#dropped.withoutFeature += 1;
    else if (words.length === 0) this.#dropped.withoutWords += 1;
    else if (words.length > this.maxLength) this.#dropped.tooLong += 1;
    else {
      this.#rows.push(row);
      this.#starts.push(this.#ids.length);
      this.#ids.push(START);
      for (const word of words) this.#ids.push(this.idOf(word));
      this.#ids.push(END);
    }
  }

  get dropped(): Dropped {
    return { ...this.#dropped };
  }

  samples(): CaptionSamples {
    this.#starts.push(this.#ids.length);
    return { rows: this.#rows.array(), ids: this.#ids.array(), starts: this.#starts.array() };
  }
}
