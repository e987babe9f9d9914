import type { Token } from './ngrams';

/** How much more recall counts than precision. */
const BETA = 1.2;

/**
 * ROUGE-L as coco-caption has it: the best precision and the best recall of the longest common subsequence, not necessarily of the
 * same reference. 0 to 1.
 * @param references at least one
 */
export function rougeL<T extends Token>(candidate: ArrayLike<T>, references: readonly ArrayLike<T>[]): number {
  let precision = 0;
  let recall = 0;
  for (const reference of references) {
    const common = longestCommonSubsequence(candidate, reference);
    precision = Math.max(precision, common / lengthOf(candidate));
    recall = Math.max(recall, common / lengthOf(reference));
  }
  return precision === 0 || recall === 0 ? 0 : ((1 + BETA ** 2) * precision * recall) / (recall + BETA ** 2 * precision);
}

/** coco-caption splits text at spaces, so that a caption without words is one empty word, which equals another such. */
const lengthOf = (caption: ArrayLike<Token>) => Math.max(1, caption.length);

function longestCommonSubsequence(one: ArrayLike<Token>, other: ArrayLike<Token>): number {
  if (one.length === 0 && other.length === 0) return 1;
  // best[j]: of what was read of `one`, against the first j tokens of `other`.
  const best = new Int32Array(other.length + 1);
  for (let i = 0; i < one.length; i++) {
    let diagonal = 0;
    for (let j = 1; j <= other.length; j++) {
      const above = best[j]!;
      best[j] = one[i] === other[j - 1] ? diagonal + 1 : Math.max(above, best[j - 1]!);
      diagonal = above;
    }
  }
  return best[other.length]!;
}
