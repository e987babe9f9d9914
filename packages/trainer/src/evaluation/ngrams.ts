/** A word, or a number that stands for one; a caption keeps to one kind. */
export type Token = string | number;

/** N-grams of 1 to 4 tokens are counted, as coco-caption does. */
export const ORDERS = 4;

/**
 * The distinct n-grams of one caption: those of order n lie from `starts[n - 1]` to `starts[n]`, in ascending order of their ids. Plain
 * arrays: at this size a typed one takes longer to make than to use.
 */
export interface NgramCounts {
  readonly ids: readonly number[];
  /** Parallel to `ids`. */
  readonly counts: readonly number[];
  /** [ORDERS + 1] */
  readonly starts: readonly number[];
  /** Tokens of the caption. */
  readonly length: number;
}

const ROOT = 0;
const FIRST_CAPACITY = 1_024;

/**
 * Numbers n-grams: each is a child of its first n − 1 tokens, so that its id follows from two integers and equal ids mean equal
 * n-grams, without any text being joined or hashed. Open addressing in typed arrays: 16 to 24 bytes an n-gram, where a Map takes
 * about 80 and ends at 16.7 million.
 */
export class NgramTable<T extends Token = Token> {
  readonly #tokens = new Map<T, number>();
  #size = 1;
  /** Ids of n-grams, 0 where a slot is free: the root is nobody's child. */
  #slots = new Int32Array(2 * FIRST_CAPACITY);
  #prefixes = new Int32Array(FIRST_CAPACITY);
  #lasts = new Int32Array(FIRST_CAPACITY);

  /** Every id is smaller. */
  get size(): number {
    return this.#size;
  }

  /** Counts a caption's n-grams and numbers those that are new. */
  add(caption: ArrayLike<T>): NgramCounts {
    return count(
      caption,
      (token) => this.#number(token),
      (prefix, token) => this.#child(prefix, token) ?? this.#insert(prefix, token),
    );
  }

  /** Counts a caption's n-grams and leaves the table as it is: new ones get ids from `size` on, which mean something in this caption alone. */
  count(caption: ArrayLike<T>): NgramCounts {
    const newTokens = new Map<T, number>();
    const newNgrams = new Map<number, number>();
    return count(
      caption,
      (token) => this.#tokens.get(token) ?? numbered(newTokens, token, this.#tokens.size),
      (prefix, token) =>
        (prefix < this.#size ? this.#child(prefix, token) : undefined) ??
        // Exact: a caption's own ids are few, so that the product stays under 2^53.
        numbered(newNgrams, prefix * (this.#tokens.size + caption.length) + token, this.#size),
    );
  }

  #number(token: T): number {
    return numbered(this.#tokens, token, 0);
  }

  #child(prefix: number, token: number): number | undefined {
    const id = this.#slots[this.#slot(prefix, token)]!;
    return id === ROOT ? undefined : id;
  }

  #insert(prefix: number, token: number): number {
    if (this.#size === this.#prefixes.length) this.#grow();
    const id = this.#size++;
    this.#prefixes[id] = prefix;
    this.#lasts[id] = token;
    this.#slots[this.#slot(prefix, token)] = id;
    return id;
  }

  /** Where the n-gram is, or the free slot where it belongs. */
  #slot(prefix: number, token: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(prefix, token) & mask;
    for (;;) {
      const id = this.#slots[slot]!;
      if (id === ROOT || (this.#prefixes[id] === prefix && this.#lasts[id] === token)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    const capacity = 2 * this.#prefixes.length;
    this.#prefixes = enlarged(this.#prefixes, capacity);
    this.#lasts = enlarged(this.#lasts, capacity);
    this.#slots = new Int32Array(2 * capacity);
    for (let id = 1; id < this.#size; id++) this.#slots[this.#slot(this.#prefixes[id]!, this.#lasts[id]!)] = id;
  }
}

/** Visits the n-grams that two captions share, order by order; `a` and `b` are places in their `counts`. */
export function forShared(one: NgramCounts, other: NgramCounts, order: number, visit: (a: number, b: number) => void): void {
  let a = one.starts[order - 1]!;
  let b = other.starts[order - 1]!;
  const endA = one.starts[order]!;
  const endB = other.starts[order]!;
  while (a < endA && b < endB) {
    const difference = one.ids[a]! - other.ids[b]!;
    if (difference === 0) visit(a, b);
    if (difference <= 0) a++;
    if (difference >= 0) b++;
  }
}

/**
 * @param numberOf of a token
 * @param childOf the id of the n-gram that the token makes of the one before it
 */
function count<T extends Token>(
  caption: ArrayLike<T>,
  numberOf: (token: T) => number,
  childOf: (prefix: number, token: number) => number,
): NgramCounts {
  const { length } = caption;
  const tokens: number[] = [];
  for (let place = 0; place < length; place++) tokens.push(numberOf(caption[place]!));
  const ids: number[] = [];
  const counts: number[] = [];
  const starts = [0];
  // Of each place the n-gram of the order before that begins there.
  const prefixes = tokens.map(() => ROOT);
  for (let order = 1; order <= ORDERS; order++) {
    const start = ids.length;
    for (let place = 0; place + order <= length; place++) {
      const id = childOf(prefixes[place]!, tokens[place + order - 1]!);
      prefixes[place] = id;
      insert(ids, counts, start, id);
    }
    starts.push(ids.length);
  }
  return { ids, counts, starts, length };
}

/** Counts the id among those from `start` on, which ascend. Captions are short: nothing sorts a dozen numbers faster. */
function insert(ids: number[], counts: number[], start: number, id: number): void {
  let at = ids.length;
  while (at > start && ids[at - 1]! > id) at--;
  if (at > start && ids[at - 1] === id) {
    counts[at - 1]! += 1;
    return;
  }
  ids.push(id);
  counts.push(1);
  for (let place = ids.length - 1; place > at; place--) {
    ids[place] = ids[place - 1]!;
    counts[place] = counts[place - 1]!;
  }
  ids[at] = id;
  counts[at] = 1;
}

function numbered<K>(numbers: Map<K, number>, key: K, first: number): number {
  const known = numbers.get(key);
  if (known !== undefined) return known;
  const number = first + numbers.size;
  numbers.set(key, number);
  return number;
}

function hash(prefix: number, token: number): number {
  let mixed = Math.imul(prefix, 0x9e3779b1) ^ Math.imul(token + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}

function enlarged(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
