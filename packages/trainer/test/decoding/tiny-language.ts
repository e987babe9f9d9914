import { Random } from '../../src/model/random';

/** Log-probabilities of every token after the tokens of one image so far, START not among them. */
export type Language = (image: number, tokens: readonly number[]) => Float32Array;

/** Any beginning has its own distribution, drawn from it and the seed; `ties` makes many tokens equally likely. */
export function tinyLanguage(seed: number, vocabularySize: number, ties = false): Language {
  const known = new Map<string, Float32Array>();
  return (image, tokens) => {
    const key = `${image}:${tokens.join()}`;
    const found = known.get(key);
    if (found) return found;
    const random = new Random(tokens.reduce((hash, token) => (hash * 31 + token + 7) % 2 ** 40, seed * 1_009 + image));
    const logits = Float64Array.from({ length: vocabularySize }, () => (ties ? random.below(3) : 2 * random.normal()));
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    const made = Float32Array.from(logits, (logit) => logit - logSum);
    known.set(key, made);
    return made;
  };
}

interface Search {
  readonly from: readonly number[];
  readonly tokens: readonly number[];
}

/** What a step graph keeps as state: the image and the tokens that each row has read. */
export class Rows {
  #rows: { image: number; tokens: readonly number[] }[];

  constructor(images: number) {
    this.#rows = Array.from({ length: images }, (_, image) => ({ image, tokens: [] }));
  }

  /** Distributions of the rows that the search goes on with. */
  step(language: Language, search: Search, first: boolean): Float32Array[] {
    const next = search.tokens;
    this.#rows = search.from.map((from, row) => {
      const { image, tokens } = this.#rows[from]!;
      return { image, tokens: first ? [] : [...tokens, next[row]!] };
    });
    return this.#rows.map(({ image, tokens }) => language(image, tokens));
  }
}
