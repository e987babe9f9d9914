import { foldConvolution } from '../../src/encoder/fold';
import { EPSILON } from '../../src/encoder/inception-v3';
import type { EncoderWeights } from '../../src/encoder/weights/tensors';
import { narrowEncoderWeights } from '../narrow-weights';

/** What convolution and batch-norm give for one place: `x` is what the kernel sees there. */
function normalised({ convolutions }: EncoderWeights, number: number, x: Float64Array): number[] {
  const { kernel, beta, gamma, movingMean, movingVariance } = convolutions[number - 1]!;
  return Array.from(beta, (shift, filter) => {
    const sum = x.reduce((total, value, index) => total + value * kernel[index * beta.length + filter]!, 0);
    return ((sum - movingMean[filter]!) / Math.sqrt(movingVariance[filter]! + EPSILON)) * (gamma?.[filter] ?? 1) + shift;
  });
}

function folded(weights: EncoderWeights, number: number, x: Float64Array): number[] {
  const { kernel, bias } = foldConvolution(weights, number);
  return Array.from(bias, (start, filter) =>
    x.reduce((total, value, index) => total + value * kernel[index * bias.length + filter]!, start),
  );
}

const seen = (length: number) => Float64Array.from({ length }, (_, index) => Math.sin(index) * 2);

describe('foldConvolution', () => {
  const weights = narrowEncoderWeights(3);

  test('puts batch-norm into kernel and bias', () => {
    const x = seen(weights.convolutions[6]!.kernel.length / weights.convolutions[6]!.beta.length);
    for (const [filter, value] of folded(weights, 7, x).entries()) expect(value).toBeCloseTo(normalised(weights, 7, x)[filter]!, 5);
  });

  test('takes gamma where a file has it', () => {
    const convolutions = weights.convolutions.map((convolution) => ({ ...convolution, gamma: convolution.beta.map((shift) => 1 + shift) }));
    const x = seen(convolutions[6]!.kernel.length / convolutions[6]!.beta.length);
    const expected = normalised({ ...weights, convolutions }, 7, x);
    for (const [filter, value] of folded({ ...weights, convolutions }, 7, x).entries()) expect(value).toBeCloseTo(expected[filter]!, 5);
    expect(expected).not.toEqual(normalised(weights, 7, x));
  });

  test.each([
    ['x/127.5-1', (pixel: number) => pixel / 127.5 - 1],
    ['x/255', (pixel: number) => pixel / 255],
  ] as const)('the first convolution reads pixels 0–255 as %s', (input, scale) => {
    const pixels = Float64Array.from({ length: 27 }, (_, index) => (index * 37) % 256);
    const expected = normalised(weights, 1, pixels.map(scale));
    for (const [filter, value] of folded({ ...weights, input }, 1, pixels).entries()) expect(value).toBeCloseTo(expected[filter]!, 5);
  });
});
