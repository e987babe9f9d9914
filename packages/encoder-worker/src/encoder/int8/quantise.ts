import { unpooled } from '../engines/onnx-graph';
import { type FoldedConvolution, foldConvolution } from '../fold';
import { type Convolution, INPUT, LAYERS, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import type { Int8Convolution, Int8Weights } from './int8-weights';
import type { Statistics } from './statistics';

/** Levels of an activation above 0. */
const LEVELS = 255;
/** Least and greatest weight: -128 has no counterpart. */
const WEIGHT_LIMIT = 127;
/** Room above the clip that lost least on the calibration photos: other photos go beyond it. */
const HEADROOM = 1.25;
/** Sums are int32, and of the products (at most 2²⁷) little is added to the bias. */
const BIAS_LIMIT = 2 ** 30;
/**
 * Channels whose greatest number is less have finer steps, by its square root: half-way between levels that all channels use alike and
 * weights that all channels use alike. Not finer than this share of the widest.
 */
const LEAST_STEP = 1 / 8;
/**
 * Share of what rounding has taken so far that the next weight on the same channel gives back: neighbouring places of a picture are
 * much alike, so that such errors cancel.
 */
const CARRIED = 1 / 2;
/** Of a filter that is all zeros. */
const LEAST_SCALE = 2 ** -60;

/**
 * Makes the integer encoder out of the float32 one and what was seen of it at work. Pure arithmetic in float64: the same input gives
 * the same bytes.
 * @param source sha256 of the float32 file.
 */
export function quantise(weights: EncoderWeights, statistics: Statistics, source: string): Int8Weights {
  /** By layer: what a level of each channel stands for. Pixels are read as they are. */
  const steps = new Map<string, Float32Array>([[INPUT, new Float32Array(3).fill(1)]]);
  const convolutions: Int8Convolution[] = [];
  for (const layer of LAYERS) {
    if (layer.kind === 'concat') steps.set(layer.name, Float32Array.from(layer.inputs.flatMap((input) => [...steps.get(input)!])));
    else if (layer.kind !== 'convolution') steps.set(layer.name, steps.get(layer.input)!);
    else {
      const input = pooledBy(layer)?.input ?? layer.input;
      const convolution = quantiseConvolution(
        foldConvolution(weights, layer.number),
        { steps: steps.get(input)!, means: statistics.means.get(input)! },
        quantiseOutput(layer, statistics),
      );
      convolutions.push(convolution);
      steps.set(layer.name, convolution.step);
    }
  }
  return { source, convolutions, dimension: weights.dimension };
}

/** Per channel of what a convolution reads. */
interface Input {
  readonly steps: Float32Array;
  readonly means: Float64Array;
}

/** The levels that a convolution's sums become. */
type Output = Pick<Int8Convolution, 'step' | 'unpooled'>;

function quantiseConvolution({ kernel, shape, bias }: FoldedConvolution, input: Input, output: Output): Int8Convolution {
  const units = output.step.map((step) => step * (output.unpooled?.step ?? 1));
  const scale = scales(kernel, shape, bias, input.steps).map((sum, filter) => sum / units[filter]!);
  const [height, width, channels, filters] = shape;
  const quantised = new Int8Array(kernel.length);
  const shift = new Float64Array(filters);
  /** What rounding has taken so far from each filter's weights on each channel. */
  const rest = new Float64Array(channels * filters);
  let index = 0;
  for (let place = 0; place < height * width; place++)
    for (let channel = 0; channel < channels; channel++) {
      const step = input.steps[channel]!;
      for (let filter = 0; filter < filters; filter++, index++) {
        const exact = (kernel[index]! * step) / (scale[filter]! * units[filter]!);
        const taken = rest[channel * filters + filter]!;
        const level = Math.max(-WEIGHT_LIMIT, Math.min(WEIGHT_LIMIT, Math.round(exact + taken * CARRIED)));
        quantised[index] = level;
        rest[channel * filters + filter] = taken + exact - level;
      }
    }
  for (let channel = 0; channel < channels; channel++)
    for (let filter = 0; filter < filters; filter++)
      shift[filter]! += (rest[channel * filters + filter]! * input.means[channel]!) / input.steps[channel]!;
  return {
    kernel: quantised,
    shape,
    // What rounding the weights does to the mean of each filter's output is known, so it is taken back here.
    bias: Int32Array.from(bias, (value, filter) => Math.round(value / (scale[filter]! * units[filter]!) + shift[filter]!)),
    scale,
    ...output,
  };
}

/** [out]: what 1 of the integer sum stands for. */
function scales(kernel: Float32Array, [, , channels, filters]: FoldedConvolution['shape'], bias: Float32Array, steps: Float32Array) {
  const greatest = new Float64Array(filters);
  for (let index = 0; index < kernel.length; ) {
    const step = steps[(index / filters) % channels]!;
    for (let filter = 0; filter < filters; filter++) greatest[filter] = Math.max(greatest[filter]!, Math.abs(kernel[index++]!) * step);
  }
  return Float32Array.from(greatest, (weight, filter) =>
    Math.max(weight / WEIGHT_LIMIT, Math.abs(bias[filter]!) / BIAS_LIMIT, LEAST_SCALE),
  );
}

function quantiseOutput(layer: Convolution, { outputs, greatest, least }: Statistics): Output {
  const clip = outputs.get(layer.name)!.leastErrorClip();
  const channels = greatest.get(layer.name)!;
  const most = Math.max(...channels);
  // A layer that never fired gets some step: its levels are 0.
  const widest = ((clip > 0 ? clip : 1) * HEADROOM) / LEVELS;
  const step = Float32Array.from(channels, (value) => widest * Math.max(LEAST_STEP, most > 0 ? Math.sqrt(value / most) : 1));
  if (!pooledBy(layer)) return { step };

  const levels = (extremes: Float64Array) => extremes.map((extreme, channel) => extreme / step[channel]!);
  const lowest = Math.min(...levels(least.get(unpooled(layer.name))!));
  const range = Math.max(...levels(greatest.get(unpooled(layer.name))!)) - lowest;
  return {
    step,
    unpooled: range > 0 ? { step: Math.fround(range / LEVELS), zero: Math.round((-lowest / range) * LEVELS) } : { step: 1, zero: 0 },
  };
}
