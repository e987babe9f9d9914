import { END } from '../model/tokens';

export interface DecodedCaption {
  /** Token ids without START and END. */
  readonly ids: number[];
  /** Whether END was reached within the maximum length. */
  readonly ended: boolean;
  /** Natural logarithm of the caption's probability, END's included where it was reached. */
  readonly logProbability: number;
  /** What each token adds to it, END's last where it was reached. */
  readonly tokenLogProbabilities: number[];
}

/** A caption as far as it is made: its last token, and the one before. Beginnings are shared by all that go on from them. */
export interface Hypothesis {
  /** The token read next; END of a finished caption. */
  readonly token: number;
  /** Of the token, among all tokens. */
  readonly logProbability: number;
  /** Of all tokens so far, in float64. */
  readonly sum: number;
  /** Tokens generated: START is none, END is one. */
  readonly length: number;
  readonly before: Hypothesis | undefined;
}

/** Words that `hypothesis` consists of, and what each of its tokens adds. */
export function decodedCaption(hypothesis: Hypothesis): DecodedCaption {
  const ids = tokensOf(hypothesis);
  const tokenLogProbabilities: number[] = Array.from({ length: hypothesis.length });
  for (let at = hypothesis; at.before !== undefined; at = at.before) tokenLogProbabilities[at.length - 1] = at.logProbability;
  const ended = hypothesis.token === END;
  return { ids: ended ? ids.slice(0, -1) : ids, ended, logProbability: hypothesis.sum, tokenLogProbabilities };
}

/** Every token generated so far, in order. */
export function tokensOf(hypothesis: Hypothesis): number[] {
  const tokens: number[] = Array.from({ length: hypothesis.length });
  for (let at = hypothesis; at.before !== undefined; at = at.before) tokens[at.length - 1] = at.token;
  return tokens;
}
