import { foldConvolution } from '../../../src/encoder/fold';
import { INPUT, LAYERS, layerWidths, pooledBy } from '../../../src/encoder/inception-v3';
import { Histogram } from '../../../src/encoder/int8/histogram';
import type { Int8Weights } from '../../../src/encoder/int8/int8-weights';
import { quantise } from '../../../src/encoder/int8/quantise';
import type { Statistics } from '../../../src/encoder/int8/statistics';
import { mulberry32, narrowEncoderWeights, narrowWeights } from '../../narrow-weights';

const weights = narrowEncoderWeights(2);
const widths = layerWidths((layer) => weights.convolutions[layer.number - 1]!.shape[3]);
const source = narrowWeights(2).sha256;

/** Statistics as calibration would give them: every layer's channels are exponential, of different size. */
function made(size = 1): Statistics {
  const random = mulberry32(3);
  const drawn = (layer: string, from: number, to: number) =>
    Float64Array.from({ length: widths.get(layer)! }, () => size * (from + (to - from) * random()));
  const convolutions = LAYERS.flatMap((layer) => (layer.kind === 'convolution' ? [layer] : []));
  const greatest = convolutions.map(({ name }) => [name, drawn(name, 0.5, 4)] as const);
  const pooled = convolutions.filter(pooledBy).map(({ name }) => name);
  const outputs = greatest.map(([name, channels]) => {
    const histogram = new Histogram();
    histogram.add(Float32Array.from({ length: 500 }, (_, index) => (channels[index % channels.length]! * (index % 97)) / 96));
    return [name, histogram] as const;
  });
  return {
    means: new Map([INPUT, ...LAYERS.map(({ name }) => name)].map((name) => [name, drawn(name, 0, 0.5)])),
    greatest: new Map([...greatest, ...pooled.map((name) => [`${name}/unpooled`, drawn(name, 1, 4)] as const)]),
    least: new Map(pooled.map((name) => [`${name}/unpooled`, drawn(name, -4, -1)])),
    outputs: new Map(outputs),
  };
}

/** What the integers of each convolution stand for: its folded kernel and bias, as numbers of the float32 encoder. */
function meant({ convolutions }: Int8Weights) {
  const steps = new Map<string, ArrayLike<number>>([[INPUT, [1, 1, 1]]]);
  const result = new Map<number, { kernel: number[]; bias: number[]; units: number[] }>();
  for (const layer of LAYERS) {
    if (layer.kind === 'concat')
      steps.set(
        layer.name,
        layer.inputs.flatMap((input) => Array.from(steps.get(input)!)),
      );
    else if (layer.kind !== 'convolution') steps.set(layer.name, steps.get(layer.input)!);
    else {
      const { kernel, bias, scale, shape, step, unpooled } = convolutions[layer.number - 1]!;
      const input = steps.get(layer.input)!;
      const [, , channels, filters] = shape;
      // What 1 of the sum stands for.
      const units = Array.from(scale, (one, filter) => one * step[filter]! * (unpooled?.step ?? 1));
      result.set(layer.number, {
        kernel: Array.from(kernel, (level, index) => (level * units[index % filters]!) / input[Math.floor(index / filters) % channels]!),
        bias: Array.from(bias, (level, filter) => level * units[filter]!),
        units,
      });
      steps.set(layer.name, step);
    }
  }
  return { convolutions: result, steps };
}

describe('quantise', () => {
  const int8 = quantise(weights, made(), source);

  test('integers stand for the folded weights, to a step and a half of each filter', () => {
    const { convolutions, steps } = meant(int8);
    for (const layer of LAYERS) {
      if (layer.kind !== 'convolution') continue;
      const { kernel, units } = convolutions.get(layer.number)!;
      const folded = foldConvolution(weights, layer.number);
      const [, , channels, filters] = folded.shape;
      const input = steps.get(layer.input)!;
      const off = kernel.map(
        (value, index) =>
          (Math.abs(value - folded.kernel[index]!) * input[Math.floor(index / filters) % channels]!) / units[index % filters]!,
      );
      expect(Math.max(...off)).toBeLessThan(1.5);
    }
  });

  test('every filter uses its whole range, and none goes beyond it', () => {
    for (const { kernel, shape } of int8.convolutions) {
      const filters = shape[3];
      for (let filter = 0; filter < filters; filter++) {
        const greatest = kernel.reduce((most, level, index) => (index % filters === filter ? Math.max(most, Math.abs(level)) : most), 0);
        expect(greatest).toBeGreaterThanOrEqual(126);
        expect(greatest).toBeLessThanOrEqual(127);
      }
    }
  });

  test('the mean of every filter’s output stays what it was', () => {
    const { means } = made();
    const { convolutions } = meant(int8);
    for (const layer of LAYERS) {
      if (layer.kind !== 'convolution') continue;
      const folded = foldConvolution(weights, layer.number);
      const [height, width, channels, filters] = folded.shape;
      const input = means.get(pooledBy(layer)?.input ?? layer.input)!;
      const { kernel, bias, units } = convolutions.get(layer.number)!;
      const mean = (values: ArrayLike<number>, start: number, filter: number) => {
        let sum = start;
        for (let place = 0; place < height * width; place++)
          for (let channel = 0; channel < channels; channel++)
            sum += values[(place * channels + channel) * filters + filter]! * input[channel]!;
        return sum;
      };
      for (let filter = 0; filter < filters; filter++) {
        const lost = mean(kernel, bias[filter]!, filter) - mean(folded.kernel, folded.bias[filter]!, filter);
        // What is left is the rounding of the bias itself.
        expect(Math.abs(lost)).toBeLessThan(units[filter]! * 0.51);
      }
    }
  });

  test('errors of neighbouring weights cancel: their sum is less than theirs alone would be', () => {
    const { convolutions, steps } = meant(int8);
    let [together, alone] = [0, 0];
    for (const layer of LAYERS) {
      if (layer.kind !== 'convolution' || layer.kernel[0] * layer.kernel[1] === 1) continue;
      const folded = foldConvolution(weights, layer.number);
      const [height, width, channels, filters] = folded.shape;
      const { kernel, units } = convolutions.get(layer.number)!;
      for (let pair = 0; pair < channels * filters; pair++) {
        const [channel, filter] = [Math.floor(pair / filters), pair % filters];
        let sum = 0;
        for (let place = 0; place < height * width; place++) {
          const index = (place * channels + channel) * filters + filter;
          sum += ((kernel[index]! - folded.kernel[index]!) * steps.get(layer.input)![channel]!) / units[filter]!;
        }
        together += sum ** 2;
        // Of rounding to the nearest: a twelfth each.
        alone += (height * width) / 12;
      }
    }
    expect(together).toBeLessThan(alone / 2);
  });

  test('channels that are less have finer steps, and levels before a pool take in both extremes', () => {
    const { greatest, least } = made();
    for (const layer of LAYERS) {
      if (layer.kind !== 'convolution') continue;
      const { step, unpooled } = int8.convolutions[layer.number - 1]!;
      const channels = greatest.get(layer.name)!;
      const order = (numbers: ArrayLike<number>) => Array.from(numbers, (_, index) => index).sort((a, b) => numbers[a]! - numbers[b]!);
      expect(order(step)).toEqual(order(channels));
      expect(unpooled !== undefined).toBe(pooledBy(layer) !== undefined);
      if (!unpooled) continue;
      for (let channel = 0; channel < step.length; channel++) {
        const toLevel = (value: number) => value / (step[channel]! * unpooled.step) + unpooled.zero;
        expect(toLevel(least.get(`${layer.name}/unpooled`)![channel]!)).toBeGreaterThan(-0.51);
        expect(toLevel(greatest.get(`${layer.name}/unpooled`)![channel]!)).toBeLessThan(255.51);
      }
    }
  });

  test('layers and filters that never fire still have steps and scales', () => {
    const convolutions = weights.convolutions.map((one) => ({
      ...one,
      kernel: one.kernel.map(() => 0),
      beta: one.beta.map(() => -1),
      movingMean: one.movingMean.map(() => 0),
    }));
    const none = made();
    const silent = {
      ...none,
      greatest: new Map([...none.greatest].map(([name, values]) => [name, values.map(() => 0)])),
      least: new Map([...none.least].map(([name, values]) => [name, values.map(() => 0)])),
      outputs: new Map([...none.outputs].map(([name]) => [name, new Histogram()])),
    };
    const { convolutions: quantised } = quantise({ ...weights, convolutions }, silent, source);
    for (const { step, scale, bias, kernel } of quantised) {
      expect([...step, ...scale].every((value) => value > 0 && Number.isFinite(value))).toBe(true);
      expect(bias.every((value) => value < 0)).toBe(true);
      expect(kernel.every((value) => value === 0)).toBe(true);
    }
  });
});
