import { INPUT, LAYERS, layerSides, OUTPUT, pooledBy } from '../src/encoder/inception-v3';
import type { Int8Convolution, Int8Weights } from '../src/encoder/int8/int8-weights';

/** Rows × as many columns × channels of whole numbers. */
interface Levels {
  readonly side: number;
  readonly channels: number;
  readonly data: Float64Array;
}

/**
 * What the integer encoder is meant to compute, of one picture, in plain loops: every layer's levels, then the mean of the last.
 * Slow; meant for narrow weights.
 */
export function int8Reference({ convolutions }: Int8Weights, pixels: Uint8Array, side = 299): Float64Array {
  const sides = layerSides(side);
  const levels = new Map<string, Levels>([[INPUT, { side, channels: 3, data: Float64Array.from(pixels) }]]);
  const steps = new Map<string, number[]>();
  for (const layer of LAYERS) {
    if (layer.kind === 'concat') {
      levels.set(layer.name, concat(layer.inputs.map((input) => levels.get(input)!)));
      steps.set(
        layer.name,
        layer.inputs.flatMap((input) => steps.get(input)!),
      );
    } else if (layer.kind === 'max') {
      levels.set(layer.name, max(levels.get(layer.input)!));
      steps.set(layer.name, steps.get(layer.input)!);
    } else if (layer.kind === 'convolution') {
      const convolution = convolutions[layer.number - 1]!;
      const input = levels.get(pooledBy(layer)?.input ?? layer.input)!;
      const sums = convolve(input, convolution, layer.stride, layer.padding, sides.get(layer.name)!);
      levels.set(layer.name, convolution.unpooled ? average(sums, convolution.unpooled) : sums);
      steps.set(layer.name, [...convolution.step]);
    }
  }
  const { data, channels } = levels.get(OUTPUT)!;
  const feature = new Float64Array(channels);
  for (let index = 0; index < data.length; index++) feature[index % channels]! += data[index]!;
  return feature.map((sum, channel) => (sum / (data.length / channels)) * steps.get(OUTPUT)![channel]!);
}

/** To the nearest whole number, of two the even one, within 0 to 255. */
function toLevel(value: number): number {
  const floor = Math.floor(value);
  const up = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 === 1);
  return Math.max(0, Math.min(255, up ? floor + 1 : floor));
}

function convolve(
  { side: before, channels, data }: Levels,
  { kernel, shape: [height, width, , filters], bias, scale, unpooled }: Int8Convolution,
  stride: number,
  padding: 'same' | 'valid',
  side: number,
): Levels {
  const [top, left] = padding === 'same' ? [(height - 1) / 2, (width - 1) / 2] : [0, 0];
  const result = new Float64Array(side * side * filters);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const sums = Float64Array.from(bias);
      for (let ky = 0; ky < height; ky++)
        for (let kx = 0; kx < width; kx++) {
          const [row, column] = [y * stride - top + ky, x * stride - left + kx];
          if (row < 0 || row >= before || column < 0 || column >= before) continue;
          for (let channel = 0; channel < channels; channel++) {
            const value = data[(row * before + column) * channels + channel]!;
            const from = ((ky * width + kx) * channels + channel) * filters;
            for (let filter = 0; filter < filters; filter++) sums[filter]! += value * kernel[from + filter]!;
          }
        }
      for (let filter = 0; filter < filters; filter++)
        result[(y * side + x) * filters + filter] = toLevel(Math.fround(sums[filter]! * scale[filter]!) + (unpooled?.zero ?? 0));
    }
  return { side, channels: filters, data: result };
}

/** Ninths of the 3×3 around each place; at the border, where fewer are there, brought to their mean afterwards. */
function average({ side, channels, data }: Levels, { step, zero }: NonNullable<Int8Convolution['unpooled']>): Levels {
  const result = new Float64Array(data.length);
  const inside = (place: number) => place >= 0 && place < side;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (let channel = 0; channel < channels; channel++) {
        let [sum, count] = [0, 0];
        for (const row of [y - 1, y, y + 1].filter(inside))
          for (const column of [x - 1, x, x + 1].filter(inside)) {
            sum += data[(row * side + column) * channels + channel]! - zero;
            count++;
          }
        result[(y * side + x) * channels + channel] = toLevel((toLevel((sum * step) / 9) * 9) / count);
      }
  return { side, channels, data: result };
}

function max({ side: before, channels, data }: Levels): Levels {
  const side = Math.floor((before - 3) / 2) + 1;
  const result = new Float64Array(side * side * channels);
  for (let index = 0; index < result.length; index++) {
    const [channel, place] = [index % channels, Math.floor(index / channels)];
    const [row, column] = [Math.floor(place / side) * 2, (place % side) * 2];
    for (let step = 0; step < 9; step++) {
      const there = (row + Math.floor(step / 3)) * before + column + (step % 3);
      result[index] = Math.max(result[index]!, data[there * channels + channel]!);
    }
  }
  return { side, channels, data: result };
}

function concat(all: readonly Levels[]): Levels {
  const { side } = all[0]!;
  const data: number[] = [];
  for (let place = 0; place < side * side; place++)
    for (const { channels, data: from } of all) data.push(...from.subarray(place * channels, (place + 1) * channels));
  return { side, channels: all.reduce((sum, { channels }) => sum + channels, 0), data: Float64Array.from(data) };
}
