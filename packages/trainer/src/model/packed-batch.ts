import type { Batch } from '../engine/engine';
import { END, START } from './tokens';

/** A batch as the unrolled graphs read it: rows longest first, tokens step after step, only as many rows a step as are running. */
export interface PackedBatch {
  readonly rows: number;
  /** N: tokens read, which is tokens scored */
  readonly length: number;
  /** [rows, dimension], reordered */
  readonly features: Float32Array;
  /** [N] */
  readonly tokens: BigInt64Array;
  /** [N] */
  readonly targets: BigInt64Array;
  /** [N] */
  readonly weights: Float32Array;
  /** [steps] */
  readonly running: BigInt64Array;
}

interface Limits {
  readonly dimension: number;
  readonly vocabularySize: number;
  /** Steps of the graph: the longest caption in words, and one for END. */
  readonly steps: number;
}

export function packBatch(batch: Batch, { dimension, vocabularySize, steps }: Limits): PackedBatch {
  const { captions, features, weights } = batch;
  checkBatch(batch, { dimension, vocabularySize, steps });
  // Equal lengths keep their order (sort is stable), so the same batch is always computed alike.
  const order = captions.map((_, row) => row).sort((a, b) => captions[b]!.length - captions[a]!.length);
  const length = captions.reduce((sum, caption) => sum + caption.length - 1, 0);
  const packed = {
    rows: captions.length,
    length,
    features: new Float32Array(features.length),
    tokens: new BigInt64Array(length),
    targets: new BigInt64Array(length),
    weights: new Float32Array(length).fill(1 / length),
    running: new BigInt64Array(steps),
  };
  order.forEach((row, place) => packed.features.set(features.subarray(row * dimension, (row + 1) * dimension), place * dimension));
  let next = 0;
  for (let step = 0; step < steps; step++) {
    let running = 0;
    for (; running < order.length; running++) {
      const row = order[running]!;
      const caption = captions[row]!;
      if (step >= caption.length - 1) break;
      packed.tokens[next] = BigInt(caption[step]!);
      packed.targets[next] = BigInt(caption[step + 1]!);
      if (weights) packed.weights[next] = weights[row]![step]!;
      next++;
    }
    packed.running[step] = BigInt(running);
  }
  return packed;
}

/** A wrong batch is a fault of the program that made it, not of data: hence plain errors. */
function checkBatch({ captions, features, weights }: Batch, { dimension, vocabularySize, steps }: Limits): void {
  if (captions.length === 0) throw new RangeError('Expected at least one caption for a batch but received none');
  if (features.length !== captions.length * dimension)
    throw new RangeError(
      `Expected ${captions.length} × ${dimension} numbers for the features of a batch of ${captions.length} but received ${features.length}`,
    );
  if (weights && weights.length !== captions.length)
    throw new RangeError(`Expected weights for ${captions.length} captions but received ${weights.length}`);
  captions.forEach((caption, row) => {
    if (caption.length < 2 || caption.length > steps + 1 || caption[0] !== START || caption.at(-1) !== END)
      throw new RangeError(
        `Expected START, at most ${steps - 1} words and END for caption ${row} but received ${caption.length} tokens [${caption.join(', ')}]`,
      );
    const unknown = caption.find((token) => token < 0 || token >= vocabularySize);
    if (unknown !== undefined)
      throw new RangeError(`Expected token ids below ${vocabularySize} for caption ${row} but received ${unknown}`);
    if (weights && weights[row]!.length !== caption.length - 1)
      throw new RangeError(`Expected ${caption.length - 1} weights for caption ${row} but received ${weights[row]!.length}`);
  });
}
