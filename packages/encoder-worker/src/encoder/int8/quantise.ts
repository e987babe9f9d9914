import { type FoldedConvolution, foldConvolution } from '../fold';
import { type Convolution, INPUT, LAYERS, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import type { Int8Convolution, Int8Weights } from './int8-weights';
import type { Extent, Statistics } from './statistics';

/** Levels of an activation above 0. */
const LEVELS = 255;
/** Least and greatest weight: -128 has no counterpart. */
const WEIGHT_LIMIT = 127;
/** Room above the clip that lost least on the calibration photos: other photos go beyond it. */
const HEADROOM = 1.25;
/** Sums are int32, and of the products (at most 2²⁷) little is added to the bias. */
const BIAS_LIMIT = 2 ** 30;
/** Of a filter that is all zeros. */
const LEAST_SCALE = 2 ** -60;

/**
 * Makes the integer encoder out of the float32 one and what was seen of it at work. Pure arithmetic in float64: the same input gives
 * the same bytes.
 * @param source sha256 of the float32 file.
 */
export function quantise(weights: EncoderWeights, statistics: Statistics, source: string): Int8Weights {
  /** By layer: what a level of each channel stands for. Of the input, which is read as it is, 1. */
  const steps = new Map<string, Float64Array>([[INPUT, new Float64Array(3).fill(1)]]);
  const convolutions: Int8Convolution[] = [];
  for (const layer of LAYERS) {
    if (layer.kind === 'concat') steps.set(layer.name, Float64Array.from(layer.inputs.flatMap((input) => [...steps.get(input)!])));
    else if (layer.kind !== 'convolution') steps.set(layer.name, steps.get(layer.input)!);
    else {
      const input = pooledBy(layer)?.input ?? layer.input;
      const convolution = quantiseConvolution(
        layer,
        foldConvolution(weights, layer.number),
        { steps: steps.get(input)!, means: statistics.means.get(input)! },
        statistics,
      );
      convolutions.push(convolution);
      steps.set(layer.name, new Float64Array(convolution.shape[3]).fill(convolution.step));
    }
  }
  return { source, convolutions, dimension: weights.dimension };
}

/** Per channel of the input. */
interface Channels {
  readonly steps: Float64Array;
  readonly means: Float64Array;
}

function quantiseConvolution(
  layer: Convolution,
  { kernel, shape, bias }: FoldedConvolution,
  input: Channels,
  statistics: Statistics,
): Int8Convolution {
  const step = outputStep(statistics.outputs.get(layer.name)!.leastErrorClip());
  const unpooled = pooledBy(layer) && unpooledLevels(statistics.unpooled.get(layer.name)!, step);
  const unit = step * (unpooled?.step ?? 1);
  const scale = scales(kernel, shape, bias, input.steps).map((one) => one / unit);

  const [height, width, channels, filters] = shape;
  const quantised = new Int8Array(kernel.length);
  const shift = new Float64Array(filters);
  let index = 0;
  for (let place = 0; place < height * width; place++)
    for (let channel = 0; channel < channels; channel++) {
      const [inputStep, mean] = [input.steps[channel]!, input.means[channel]! / input.steps[channel]!];
      for (let filter = 0; filter < filters; filter++, index++) {
        const exact = (kernel[index]! * inputStep) / (scale[filter]! * unit);
        const level = Math.max(-WEIGHT_LIMIT, Math.min(WEIGHT_LIMIT, Math.round(exact)));
        quantised[index] = level;
        shift[filter]! += (exact - level) * mean;
      }
    }
  return {
    kernel: quantised,
    shape,
    // What rounding the weights does to the mean of each filter's output is known, so it is taken back here.
    bias: Int32Array.from(bias, (value, filter) => Math.round(value / (scale[filter]! * unit) + shift[filter]!)),
    scale,
    step,
    ...(unpooled && { unpooled }),
  };
}

/** [out]: what 1 of the integer sum stands for. */
function scales(kernel: Float32Array, [, , channels, filters]: FoldedConvolution['shape'], bias: Float32Array, steps: Float64Array) {
  const greatest = new Float64Array(filters);
  for (let index = 0; index < kernel.length; ) {
    const step = steps[(index / filters) % channels]!;
    for (let filter = 0; filter < filters; filter++) greatest[filter] = Math.max(greatest[filter]!, Math.abs(kernel[index++]!) * step);
  }
  return Float32Array.from(greatest, (weight, filter) =>
    Math.max(weight / WEIGHT_LIMIT, Math.abs(bias[filter]!) / BIAS_LIMIT, LEAST_SCALE),
  );
}

/** A layer that never fired gets some step: its levels are 0. */
function outputStep(clip: number): number {
  return Math.fround(((clip > 0 ? clip : 1) * HEADROOM) / LEVELS);
}

function unpooledLevels({ least, greatest }: Extent, step: number): NonNullable<Int8Convolution['unpooled']> {
  const range = greatest - least;
  if (range === 0) return { step: 1, zero: 0 };
  return { step: Math.fround(range / LEVELS / step), zero: Math.round((-least / range) * LEVELS) };
}
