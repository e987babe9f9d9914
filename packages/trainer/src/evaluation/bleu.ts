import { forShared, type NgramCounts, ORDERS } from './ngrams';

/** coco-caption's constants, which keep a score defined where nothing matches. */
const TINY = 1e-15;
const SMALL = 1e-9;

/** What BLEU needs to know of an image, or, summed, of many. */
export interface BleuCounts {
  /** Tokens of the candidate. */
  readonly candidateLength: number;
  /** Tokens of the reference closest to that; of two equally close ones the shorter. */
  readonly referenceLength: number;
  /** [ORDERS] n-grams of the candidate. */
  readonly guessed: readonly number[];
  /** [ORDERS] of these, how many are in a reference, each at most as often as in the one reference that has it most often. */
  readonly correct: readonly number[];
}

/** @param references at least one */
export function countBleu(candidate: NgramCounts, references: readonly NgramCounts[]): BleuCounts {
  const most = candidate.counts.map(() => 0);
  const correct = Array.from({ length: ORDERS }, (_, before) => {
    for (const reference of references)
      forShared(candidate, reference, before + 1, (a, b) => {
        most[a] = Math.max(most[a]!, reference.counts[b]!);
      });
    let sum = 0;
    for (let place = candidate.starts[before]!; place < candidate.starts[before + 1]!; place++)
      sum += Math.min(candidate.counts[place]!, most[place]!);
    return sum;
  });
  return {
    candidateLength: candidate.length,
    referenceLength: closestLength(candidate.length, references),
    guessed: Array.from({ length: ORDERS }, (_, before) => Math.max(0, candidate.length - before)),
    correct,
  };
}

export function sumBleu(images: readonly BleuCounts[]): BleuCounts {
  const total = { candidateLength: 0, referenceLength: 0, guessed: Array(ORDERS).fill(0), correct: Array(ORDERS).fill(0) };
  for (const image of images) {
    total.candidateLength += image.candidateLength;
    total.referenceLength += image.referenceLength;
    for (let order = 0; order < ORDERS; order++) {
      total.guessed[order] += image.guessed[order]!;
      total.correct[order] += image.correct[order]!;
    }
  }
  return total;
}

/** BLEU-1 to BLEU-4 with the brevity penalty, of one image or of summed counts. */
export function bleu({ candidateLength, referenceLength, guessed, correct }: BleuCounts): number[] {
  const ratio = (candidateLength + TINY) / (referenceLength + SMALL);
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1;
  let product = 1;
  return guessed.map((guesses, before) => {
    product *= (correct[before]! + TINY) / (guesses + SMALL);
    return product ** (1 / (before + 1)) * penalty;
  });
}

function closestLength(length: number, references: readonly NgramCounts[]): number {
  let closest = Number.POSITIVE_INFINITY;
  for (const reference of references) {
    const farther = Math.abs(reference.length - length) - Math.abs(closest - length);
    if (farther < 0 || (farther === 0 && reference.length < closest)) closest = reference.length;
  }
  return closest;
}
