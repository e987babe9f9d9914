import { PAD, START, UNKNOWN } from '../model/tokens';
import { type Hypothesis, tokensOf } from './decoded-caption';

export interface BlockSettings {
  /** Whether the word for unknown words is never said. */
  readonly blockUnknown: boolean;
  /** Length of the runs of words that may not come twice in a caption; 0 allows all. */
  readonly blockRepeats: number;
}

/** Tokens that no caption goes on with, however likely they are. */
export function blockedAlways({ blockUnknown }: BlockSettings): readonly number[] {
  return blockUnknown ? [PAD, START, UNKNOWN] : [PAD, START];
}

/** Tokens that would make a run of `length` words that the hypothesis has already; never END, which occurs once. */
export function repeatsOf(hypothesis: Hypothesis, length: number): ReadonlySet<number> {
  const blocked = new Set<number>();
  if (length === 0 || hypothesis.length < length) return blocked;
  const tokens = tokensOf(hypothesis);
  const last = tokens.length - length + 1;
  for (let start = 0; start < last; start++) {
    let same = 0;
    while (same < length - 1 && tokens[start + same] === tokens[last + same]) same++;
    if (same === length - 1) blocked.add(tokens[start + same]!);
  }
  return blocked;
}
