import type { Random } from '@showtell/shared/source/synthetic-random';
import type { FuzzTarget } from './fuzz-target';

/** Sizes of the numbers in files. */
const SIZES = [1, 2, 4, 8] as const;
/** Most changes of one input. */
const MOST_CHANGES = 6;

/** An input made of one that is known, and now and then of two. */
export function mutate(
  corpus: readonly Buffer[],
  { change, words, mostBytes }: Pick<FuzzTarget, 'change' | 'words' | 'mostBytes'>,
  random: Random,
): Buffer {
  const chosen = choose(corpus, random);
  let input = random.next() < 0.1 ? splice(chosen, choose(corpus, random), random) : Buffer.from(chosen);
  // Mostly few: of many changes the first that is refused hides all others.
  const changes = 1 + Math.floor(random.next() ** 2 * MOST_CHANGES);
  for (let done = 0; done < changes; done++)
    input = change && random.next() < 0.5 ? change(input, random) : random.pick(CHANGES)(input, random, words);
  return input.subarray(0, mostBytes);
}

/** Mostly a short one: it is read sooner, and more of it is structure. */
function choose(corpus: readonly Buffer[], random: Random): Buffer {
  const some = [1, 2, 3, 4].map(() => random.pick(corpus));
  return random.next() < 0.1 ? some[0]! : some.reduce((one, other) => (one.length <= other.length ? one : other));
}

type Change = (input: Buffer, random: Random, words: readonly Buffer[]) => Buffer;

const CHANGES: readonly Change[] = [
  function flipBit(input, random) {
    const at = place(input.length, random);
    if (at < input.length) input[at]! ^= 1 << place(8, random);
    return input;
  },
  function setByte(input, random) {
    const at = place(input.length, random);
    if (at < input.length) input[at] = place(256, random);
    return input;
  },
  setNumber,
  setNumber,
  copyNumber,
  copyNumber,
  function writeWord(input, random, words) {
    if (words.length === 0) return input;
    random.pick(words).copy(input, place(input.length, random));
    return input;
  },
  function insertWord(input, random, words) {
    if (words.length === 0) return input;
    const at = place(input.length, random);
    return Buffer.concat([input.subarray(0, at), random.pick(words), input.subarray(at)]);
  },
  function truncate(input, random) {
    return input.subarray(0, place(input.length + 1, random));
  },
  function remove(input, random) {
    const [from, to] = span(input.length, random);
    return Buffer.concat([input.subarray(0, from), input.subarray(to)]);
  },
  function repeat(input, random) {
    const [from, to] = span(input.length, random);
    return Buffer.concat([input.subarray(0, to), input.subarray(from)]);
  },
  function move(input, random) {
    const [from, to] = span(input.length, random);
    input.copy(input, place(input.length, random), from, to);
    return input;
  },
];

/** A number that means something to a reader: near a limit of its size, or to the file's own length. */
function setNumber(input: Buffer, random: Random): Buffer {
  const size = random.pick(SIZES);
  if (input.length < size) return input;
  const at = aligned(place(input.length - size + 1, random), size, random);
  writeNumber(input, at, size, interesting(size, input.length, random));
  return input;
}

/** Offsets and addresses become those of something else in the same file. */
function copyNumber(input: Buffer, random: Random): Buffer {
  const size = random.pick([2, 4, 8] as const);
  if (input.length < size) return input;
  const [from, to] = [0, 0].map(() => aligned(place(input.length - size + 1, random), size, random)) as [number, number];
  input.copy(input, to, from, from + size);
  return input;
}

export function interesting(size: (typeof SIZES)[number], length: number, random: Random): bigint {
  const bits = BigInt(size * 8);
  const small = BigInt(place(17, random));
  const values = [0n, small, -small - 1n, BigInt(length) - small, 1n << (bits - 1n), (1n << (bits - 1n)) - 1n, (1n << bits) - 1n];
  return random.pick([...values, BigInt(place(length + 1, random)), 1n << BigInt(place(Number(bits), random)), 0xffffffffn, 0x7fffffffn]);
}

/** Little-endian, of the lowest bits. */
export function writeNumber(input: Buffer, at: number, size: number, value: bigint): void {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  bytes.copy(input, at, 0, size);
}

/** A whole number in [0, below). */
export const place = (below: number, random: Random) => Math.floor(random.next() * below);

const aligned = (at: number, size: number, random: Random) => (random.next() < 0.7 ? at - (at % size) : at);

/** Mostly short. */
function span(length: number, random: Random): [number, number] {
  const from = place(length, random);
  return [from, Math.min(length, from + 1 + Math.floor(random.next() ** 3 * length))];
}

function splice(one: Buffer, other: Buffer, random: Random): Buffer {
  return Buffer.concat([one.subarray(0, place(one.length + 1, random)), other.subarray(place(other.length + 1, random))]);
}
