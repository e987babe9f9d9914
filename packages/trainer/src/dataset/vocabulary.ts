import { ShowtellError } from '@showtell/shared/errors';
import { z } from 'zod';
import { END, START, UNKNOWN } from '../model/tokens';

const VOCABULARY_FORMAT = 1;
/** In the order of `model/tokens.ts`. No word can be one of them: words have no angle brackets. */
const SPECIAL_WORDS = ['<pad>', '<start>', '<end>', '<unk>'] as const;

const VocabularyFile = z.object({ formatVersion: z.literal(VOCABULARY_FORMAT), words: z.array(z.string()).min(SPECIAL_WORDS.length) });
export type VocabularyFile = z.infer<typeof VocabularyFile>;

/** Words and their ids: PAD 0, START 1, END 2, UNKNOWN 3, then words, commonest first. */
export class Vocabulary {
  readonly #words: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  private constructor(words: readonly string[]) {
    this.#words = words;
    this.#ids = new Map(words.map((word, id) => [word, id]));
  }

  /** The vocabulary of some captions' words. See `ofCounts`. */
  static build(captions: Iterable<readonly string[]>, minWordCount: number): Vocabulary {
    const counts = new Map<string, number>();
    for (const words of captions) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    return Vocabulary.ofCounts(counts, minWordCount);
  }

  /** Words that occur at least `minWordCount` times; of equally frequent ones the smaller by code point comes first. */
  static ofCounts(counts: Iterable<readonly [string, number]>, minWordCount: number): Vocabulary {
    const kept = [...counts].filter(([, count]) => count >= minWordCount);
    kept.sort(([wordA, countA], [wordB, countB]) => countB - countA || Buffer.compare(Buffer.from(wordA), Buffer.from(wordB)));
    return new Vocabulary([...SPECIAL_WORDS, ...kept.map(([word]) => word)]);
  }

  /** @param where names the file in errors (`CORRUPT_CHECKPOINT`). */
  static parse(value: unknown, where: string): Vocabulary {
    const parsed = VocabularyFile.safeParse(value);
    const problem = !parsed.success
      ? z.prettifyError(parsed.error)
      : SPECIAL_WORDS.some((word, id) => parsed.data.words[id] !== word)
        ? `its first words are not ${SPECIAL_WORDS.join(' ')}`
        : new Set(parsed.data.words).size < parsed.data.words.length
          ? 'a word is there twice'
          : undefined;
    if (problem !== undefined || !parsed.success) throw new ShowtellError('CORRUPT_CHECKPOINT', `${where} is not a vocabulary: ${problem}`);
    return new Vocabulary(parsed.data.words);
  }

  /** Number of ids, the four special ones included. */
  get size(): number {
    return this.#words.length;
  }

  /** Number of words that captions can have. */
  get wordCount(): number {
    return this.#words.length - SPECIAL_WORDS.length;
  }

  toJSON(): VocabularyFile {
    return { formatVersion: VOCABULARY_FORMAT, words: [...this.#words] };
  }

  /** `UNKNOWN` for a word that the vocabulary does not hold. */
  id(word: string): number {
    return this.#ids.get(word) ?? UNKNOWN;
  }

  /** `START w1 … wn END`. */
  encode(words: readonly string[]): Int32Array {
    return Int32Array.of(START, ...words.map((word) => this.id(word)), END);
  }

  /** The words of the ids, without PAD, START and END; `<unk>` for what the vocabulary does not hold. */
  decode(ids: Iterable<number>): string[] {
    return Array.from(ids)
      .filter((id) => id >= UNKNOWN)
      .map((id) => this.#words[id] ?? SPECIAL_WORDS[UNKNOWN]);
  }
}
