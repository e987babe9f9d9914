import { ShowtellError } from '@showtell/shared/errors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { type AdamKernels, adamKernels } from './adam-kernels';
import { createMemory, MOST_MEMORY_BYTES } from './web-assembly';

export type AdamSettings = Pick<Hyperparameters, 'beta1' | 'beta2' | 'epsilon' | 'epsilonForm' | 'weightDecay'>;

/** Numbers that lie side by side and are updated alike. */
export interface Segment {
  readonly length: number;
  /** Whether weight decay acts on them. */
  readonly decayed: boolean;
}

/** Matrices decay; biases and gains, which have one dimension, do not. */
export function segmentOf(shape: readonly number[]): Segment {
  return { length: shape.reduce((product, size) => product * size, 1), decayed: shape.length > 1 };
}

const BYTES = Float32Array.BYTES_PER_ELEMENT;
/** Arrays begin at multiples of a cache line. */
const ALIGNED = 64;

/**
 * Adam over one flat array of weights, as one pass in WebAssembly: four numbers at a time, memory-bound, about six times as fast
 * as JavaScript, and of the same bits on every machine. The arrays are views on WebAssembly's memory.
 */
export class Adam {
  readonly weights: Float32Array<ArrayBuffer>;
  /** Written by the caller before each update. */
  readonly gradients: Float32Array<ArrayBuffer>;
  readonly m: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
  readonly #segments: readonly Segment[];
  readonly #settings: AdamSettings;
  readonly #kernels: AdamKernels;

  /** @throws ShowtellError `CONFIG_INVALID` when weights, gradients and moments are more than 4 GiB together. */
  constructor(segments: readonly Segment[], settings: AdamSettings) {
    this.#settings = settings;
    this.#segments = settings.weightDecay === 0 ? [{ length: totalLength(segments), decayed: false }] : merged(segments);
    const length = totalLength(segments);
    const bytes = Math.ceil((length * BYTES) / ALIGNED) * ALIGNED;
    if (4 * bytes > MOST_MEMORY_BYTES)
      throw new ShowtellError('CONFIG_INVALID', `Expected at most ${2 ** 28} weights for a network but received ${length}`, {
        hint: 'Choose fewer units, a narrower embedding or a smaller vocabulary (minWordCount).',
      });
    const memory = createMemory(4 * bytes);
    const array = (index: number) => new Float32Array(memory.buffer, index * bytes, length);
    this.weights = array(0);
    this.gradients = array(1);
    this.m = array(2);
    this.v = array(3);
    this.#kernels = adamKernels(memory);
  }

  /** √Σg² over all gradients, summed in float64; not finite if a gradient is not. */
  gradientNorm(): number {
    return Math.sqrt(this.#kernels.sumOfSquares(this.gradients.byteOffset, this.gradients.length));
  }

  /**
   * One step in place.
   * @param step number of this step, from 1
   * @param scale what gradients are multiplied by first (clipping)
   */
  update(step: number, learningRate: number, scale: number): void {
    const { beta1, beta2, epsilon, epsilonForm, weightDecay } = this.#settings;
    const correction = Math.sqrt(1 - beta2 ** step);
    const rate = (learningRate * correction) / (1 - beta1 ** step);
    // Keras adds epsilon to the uncorrected √v. PyTorch adds it to √v / correction, and both sides of that fraction may be
    // multiplied by the correction.
    const addend = epsilonForm === 'keras' ? epsilon : epsilon * correction;
    let start = 0;
    for (const { length, decayed } of this.#segments) {
      const keep = decayed ? 1 - learningRate * weightDecay : 1;
      const [weights, gradients, m, v] = [this.weights, this.gradients, this.m, this.v].map((array) => array.byteOffset + start * BYTES);
      this.#kernels.adam(weights!, gradients!, m!, v!, length, scale, 1 - beta1, 1 - beta2, rate, addend, keep);
      start += length;
    }
  }
}

/** Factor that brings a global norm down to `limit`; 1 where it is below or there is no limit. */
export function clipScale(norm: number, limit: number | null): number {
  return limit === null || norm <= limit ? 1 : limit / norm;
}

/** Neighbours that are updated alike in one. */
function merged(segments: readonly Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (last?.decayed === segment.decayed) result[result.length - 1] = { ...last, length: last.length + segment.length };
    else result.push(segment);
  }
  return result;
}

const totalLength = (segments: readonly Segment[]) => segments.reduce((sum, { length }) => sum + length, 0);
