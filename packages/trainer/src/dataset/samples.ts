import type { CaptionRow } from '@showtell/shared/schema/plan';
import type { SplitFeatures } from './features';
import type { Vocabulary } from './vocabulary';
import { wordsOf } from './words';

/** Captions of a split that can be trained on: `words[s]` belongs to row `rows[s]` of the split's features. */
export interface UsableCaptions {
  readonly rows: Int32Array;
  readonly words: readonly (readonly string[])[];
  /** Captions that are left out, and why: a log tells them. */
  readonly dropped: { readonly tooLong: number; readonly withoutWords: number; readonly withoutFeature: number };
}

/**
 * Joins captions to features. A caption of more than `maxLength` words is dropped, not cut: a cut one would teach
 * sentences that end nowhere. Captions of rejected images have no feature.
 */
export function usableCaptions(split: SplitFeatures, captions: readonly CaptionRow[], maxLength: number): UsableCaptions {
  const rowOf = new Map(split.imageIds.map((imageId, row) => [imageId, row]));
  const rows: number[] = [];
  const kept: string[][] = [];
  const dropped = { tooLong: 0, withoutWords: 0, withoutFeature: 0 };
  for (const { imageId, caption } of captions) {
    const row = rowOf.get(imageId);
    const words = wordsOf(caption);
    if (row === undefined) dropped.withoutFeature += 1;
    else if (words.length === 0) dropped.withoutWords += 1;
    else if (words.length > maxLength) dropped.tooLong += 1;
    else {
      rows.push(row);
      kept.push(words);
    }
  }
  return { rows: Int32Array.from(rows), words: kept, dropped };
}

/** What batches are made of: `captions[s]` belongs to row `rows[s]` of `features`. */
export interface CaptionSamples {
  /** Row-major [images, dimension]. */
  readonly features: Float32Array;
  readonly dimension: number;
  readonly rows: Int32Array;
  /** Ids `START w1 … wn END`. */
  readonly captions: readonly Int32Array[];
}

export function captionSamples(split: SplitFeatures, usable: UsableCaptions, vocabulary: Vocabulary): CaptionSamples {
  const captions = usable.words.map((words) => vocabulary.encode(words));
  return { features: split.features, dimension: split.dimension, rows: usable.rows, captions };
}
