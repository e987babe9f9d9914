import { UNKNOWN } from '../model/tokens';
import type { Vocabulary } from './vocabulary';

/** Before there is a vocabulary: numbers words as they come, behind the special tokens, and counts them. */
export class WordNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #counts: number[] = [];

  number(word: string): number {
    let number = this.#numbers.get(word);
    if (number === undefined) {
      number = UNKNOWN + 1 + this.#counts.length;
      this.#numbers.set(word, number);
      this.#counts.push(0);
    }
    this.#counts[number - UNKNOWN - 1]! += 1;
    return number;
  }

  *counts(): Generator<[string, number]> {
    for (const [word, number] of this.#numbers) yield [word, this.#counts[number - UNKNOWN - 1]!];
  }

  /** Replaces numbers by ids of the vocabulary, in place; special tokens stay what they are. */
  toIds(numbers: Int32Array, vocabulary: Vocabulary): void {
    const ids = Int32Array.from({ length: UNKNOWN + 1 + this.#counts.length }, (_, special) => special);
    for (const [word, number] of this.#numbers) ids[number] = vocabulary.id(word);
    for (let index = 0; index < numbers.length; index++) numbers[index] = ids[numbers[index]!]!;
  }
}
