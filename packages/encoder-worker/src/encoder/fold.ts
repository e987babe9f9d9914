import { EPSILON } from './inception-v3';
import { type EncoderWeights, INPUT_SCALING } from './weights/tensors';

/** A convolution with its batch-norm in it: what is left after it is the ReLU. */
export interface FoldedConvolution {
  /** [rows, columns, in, out] */
  readonly kernel: Float32Array;
  readonly shape: readonly [height: number, width: number, input: number, output: number];
  readonly bias: Float32Array;
}

/**
 * Folds batch-norm into convolution `number` (1–94), and into the first one the input scaling too, so that it reads pixels 0–255
 * as they are; that is exact because it has no padding. Computed in float64 and rounded once.
 */
export function foldConvolution({ convolutions, input }: EncoderWeights, number: number): FoldedConvolution {
  const { kernel, shape, gamma, beta, movingMean, movingVariance } = convolutions[number - 1]!;
  const { scale, offset } = number === 1 ? INPUT_SCALING[input] : { scale: 1, offset: 0 };
  const filters = beta.length;
  const factor = Float64Array.from(movingVariance, (variance, filter) => (gamma?.[filter] ?? 1) / Math.sqrt(variance + EPSILON));
  const sum = new Float64Array(filters);
  const folded = new Float32Array(kernel.length);
  for (let index = 0; index < kernel.length; index++) {
    const filter = index % filters;
    const value = kernel[index]! * factor[filter]!;
    folded[index] = value * scale;
    sum[filter]! += value;
  }
  return {
    kernel: folded,
    shape,
    bias: beta.map((shift, filter) => shift - movingMean[filter]! * factor[filter]! + sum[filter]! * offset),
  };
}
