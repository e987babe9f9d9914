import { createHash } from 'node:crypto';

/** State of a generator: four 32-bit words, not all zero. */
export type RandomState = readonly [number, number, number, number];

/**
 * xoshiro128** (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c): small, well studied, the same on every
 * machine, and its whole state can be kept in a checkpoint.
 */
export class Random {
  #state: [number, number, number, number];

  /** A generator from a seed (any safe integer) or from a kept state. */
  constructor(from: number | RandomState) {
    this.#state = typeof from === 'number' ? spread(from) : checked(from);
  }

  /** A generator of its own for whatever a text names: `dropout 7 120`. */
  static of(text: string): Random {
    const digest = createHash('sha256').update(text).digest();
    return new Random([digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)]);
  }

  /** Continuing from this state gives the same numbers. */
  state(): RandomState {
    return [...this.#state];
  }

  /** An integer from 0 to 2³² − 1. */
  next(): number {
    const s = this.#state;
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    for (let word = 0; word < 4; word++) s[word]! >>>= 0;
    return result;
  }

  /** So many numbers of `next()`, several times as fast. */
  words(count: number): Uint32Array {
    const words = new Uint32Array(count);
    let [a, b, c, d] = this.#state;
    for (let index = 0; index < count; index++) {
      words[index] = Math.imul(rotate(Math.imul(b, 5), 7), 9);
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = rotate(d, 11);
    }
    this.#state = [a >>> 0, b >>> 0, c >>> 0, d >>> 0];
    return words;
  }

  /** A number in [0, 1), of 53 random bits. */
  uniform(): number {
    return ((this.next() >>> 5) * 2 ** 26 + (this.next() >>> 6)) / 2 ** 53;
  }

  /** An integer from 0 to `limit` − 1, all equally likely; `limit` at most 2³². */
  below(limit: number): number {
    if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 32)
      throw new RangeError(`Expected an integer from 1 to 2^32 for limit but received ${limit}`);
    // The last, incomplete round of remainders would favour small numbers.
    const end = 2 ** 32 - (2 ** 32 % limit);
    for (;;) {
      const value = this.next();
      if (value < end) return value % limit;
    }
  }

  /** A normally distributed number, mean 0, deviation 1 (Box–Muller; the second number is dropped, so that `state` is all there is). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place (Fisher–Yates) and returns the same array. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(items: T): T {
    for (let index = items.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      [items[index], items[other]] = [items[other], items[index]];
    }
    return items;
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Both halves of the seed through splitmix32's finaliser, so that neighbouring seeds give unrelated states. */
function spread(seed: number): [number, number, number, number] {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`Expected a safe integer for seed but received ${seed}`);
  let word = mix(Math.floor(seed / 2 ** 32) | 0) ^ (seed | 0);
  const draw = () => {
    word = (word + 0x9e3779b9) | 0;
    return mix(word) >>> 0;
  };
  return checked([draw(), draw(), draw(), draw()]);
}

function mix(value: number): number {
  let word = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return word ^ (word >>> 15);
}

function checked(state: RandomState): [number, number, number, number] {
  const words = [...state] as [number, number, number, number];
  if (
    words.length !== 4 ||
    !words.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32) ||
    words.every((word) => word === 0)
  )
    throw new RangeError(`Expected four 32-bit words, not all zero, for a generator's state but received [${words.join(', ')}]`);
  return words;
}
