import { forShared, type NgramCounts, NgramTable, ORDERS, type Token } from './ngrams';

const SIGMA = 6;
const SCALE = 10;

/** In how many images' references each n-gram is. Made once for a set of references and kept: it is what CIDEr weighs words by. */
export class DocumentFrequencies<T extends Token = Token> {
  readonly #table: NgramTable<T>;
  /** By the n-gram's id: logarithm of images / frequency. */
  readonly #inverse: Float64Array;
  readonly #unknown: number;

  private constructor(
    table: NgramTable<T>,
    frequencies: Int32Array,
    /** Images whose references were counted. */
    readonly images: number,
  ) {
    this.#table = table;
    this.#unknown = Math.log(images);
    this.#inverse = new Float64Array(table.size);
    for (let id = 0; id < table.size; id++) this.#inverse[id] = this.#unknown - Math.log(Math.max(1, frequencies[id]!));
  }

  /** @param images the references of each image */
  static of<T extends Token>(images: Iterable<readonly ArrayLike<T>[]>): DocumentFrequencies<T> {
    const table = new NgramTable<T>();
    return DocumentFrequencies.counted(
      table,
      map(images, (references) => references.map((reference) => table.add(reference))),
    );
  }

  /** As `of`, of references whose n-grams are counted already. */
  static counted<T extends Token>(table: NgramTable<T>, images: Iterable<readonly NgramCounts[]>): DocumentFrequencies<T> {
    let frequencies = new Int32Array(table.size);
    // The last image that an n-gram was seen in, so that it counts once for each.
    let lastSeen = new Int32Array(table.size);
    let image = 0;
    for (const references of images) {
      image++;
      if (table.size > frequencies.length) {
        frequencies = enlarged(frequencies, 2 * table.size);
        lastSeen = enlarged(lastSeen, 2 * table.size);
      }
      for (const { ids } of references)
        for (const id of ids)
          if (lastSeen[id] !== image) {
            lastSeen[id] = image;
            frequencies[id]! += 1;
          }
    }
    return new DocumentFrequencies(table, frequencies, image);
  }

  /** The caption's n-grams, with ids of these frequencies. */
  count(caption: ArrayLike<T>): NgramCounts {
    return this.#table.count(caption);
  }

  /** Natural logarithm of images / frequency. An n-gram that is in no reference weighs as one that is in one image's. */
  inverse(id: number): number {
    return this.#inverse[id] ?? this.#unknown;
  }
}

/** A caption's n-grams weighted by their rarity. Computed once for a reference and kept. */
export interface CiderVector extends NgramCounts {
  /** Parallel to `ids`. */
  readonly weights: readonly number[];
  /** [ORDERS] Euclidean length of the weights of each order. */
  readonly norms: readonly number[];
}

/**
 * CIDEr-D, which coco-caption prints as CIDEr: mean over the orders 1 to 4 of the clipped cosine similarity to the references, times a Gaussian of the
 * difference in length (σ = 6), times 10. 0 to 10.
 *
 * Tokens are words or numbers. Self-critical training appends its END token to samples and references alike.
 */
export class CiderD<T extends Token = Token> {
  constructor(private readonly frequencies: DocumentFrequencies<T>) {}

  /** @param caption tokens, or their n-grams as `frequencies.count` counts them */
  vector(caption: ArrayLike<T> | NgramCounts): CiderVector {
    const { ids, counts, starts, length } = 'ids' in caption ? caption : this.frequencies.count(caption);
    const weights: number[] = [];
    const norms: number[] = [];
    for (let before = 0; before < ORDERS; before++) {
      let squares = 0;
      for (let place = starts[before]!; place < starts[before + 1]!; place++) {
        const weight = counts[place]! * this.frequencies.inverse(ids[place]!);
        weights.push(weight);
        squares += weight * weight;
      }
      norms.push(Math.sqrt(squares));
    }
    return { ids, counts, starts, length, weights, norms };
  }

  /**
   * @param candidate tokens, or their vector
   * @param references vectors of one image's references, at least one
   */
  score(candidate: ArrayLike<T> | CiderVector, references: readonly CiderVector[]): number {
    const vector = 'weights' in candidate ? candidate : this.vector(candidate);
    let sum = 0;
    for (const reference of references) {
      // As coco-caption counts it: bigrams, so that captions of no and of one word are equally long.
      const difference = bigrams(vector) - bigrams(reference);
      sum += similarity(vector, reference) * Math.exp(-(difference ** 2) / (2 * SIGMA ** 2));
    }
    return (SCALE * sum) / ORDERS / references.length;
  }
}

const bigrams = ({ length }: NgramCounts) => Math.max(0, length - 1);

/** Sum over the orders of the cosine similarity, where no n-gram counts for more than in the reference. */
function similarity(candidate: CiderVector, reference: CiderVector): number {
  let sum = 0;
  for (let order = 1; order <= ORDERS; order++) {
    let product = 0;
    forShared(candidate, reference, order, (a, b) => {
      product += Math.min(candidate.weights[a]!, reference.weights[b]!) * reference.weights[b]!;
    });
    const norms = candidate.norms[order - 1]! * reference.norms[order - 1]!;
    sum += norms === 0 ? product : product / norms;
  }
  return sum;
}

function* map<A, B>(values: Iterable<A>, change: (value: A) => B): Generator<B> {
  for (const value of values) yield change(value);
}

function enlarged(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
