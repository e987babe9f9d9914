import { Adam, type AdamSettings, clipScale, type Segment, segmentOf } from '../../src/engine/adam';
import { Random } from '../../src/model/random';

const settings: AdamSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7, epsilonForm: 'keras', weightDecay: 0 };
const whole = (length: number): Segment[] => [{ length, decayed: true }];

/** A few steps by the formula of the framework, written as its documentation writes it, in float64. */
function referenceAdam(
  { beta1, beta2, epsilon, epsilonForm, weightDecay }: AdamSettings,
  learningRate: number,
  weight: number,
  gradients: readonly number[],
): { weight: number; m: number; v: number } {
  let [m, v] = [0, 0];
  gradients.forEach((gradient, index) => {
    const step = index + 1;
    m = beta1 * m + (1 - beta1) * gradient;
    v = beta2 * v + (1 - beta2) * gradient ** 2;
    weight -= learningRate * weightDecay * weight;
    if (epsilonForm === 'keras') {
      const alpha = (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
      weight -= (alpha * m) / (Math.sqrt(v) + epsilon);
    } else weight -= (learningRate * (m / (1 - beta1 ** step))) / (Math.sqrt(v / (1 - beta2 ** step)) + epsilon);
  });
  return { weight, m, v };
}

describe.each(['keras', 'pytorch'] as const)('the form of %s', (epsilonForm) => {
  // Gradients near epsilon tell the two forms apart.
  test.each([
    { epsilon: 1e-7, size: 1e-6, weightDecay: 0 },
    { epsilon: 1e-8, size: 0.3, weightDecay: 0 },
    { epsilon: 1e-3, size: 1e-2, weightDecay: 0.4 },
  ])('five steps, epsilon $epsilon, gradients of $size, decay $weightDecay', ({ epsilon, size, weightDecay }) => {
    const chosen = { ...settings, epsilon, epsilonForm, weightDecay };
    const random = new Random(3);
    const length = 23;
    const adam = new Adam(whole(length), chosen);
    const initial = Float32Array.from({ length }, () => random.normal());
    const gradients = Array.from({ length: 5 }, () => Float32Array.from({ length }, () => size * random.normal()));
    adam.weights.set(initial);
    for (const [index, gradient] of gradients.entries()) {
      adam.gradients.set(gradient);
      adam.update(index + 1, 0.01, 1);
    }
    for (let place = 0; place < length; place++) {
      const before = initial[place]!;
      const expected = referenceAdam(
        chosen,
        0.01,
        before,
        gradients.map((gradient) => gradient[place]!),
      );
      expect(adam.weights[place]! - before).toBeCloseTo(expected.weight - before, 6);
      expect(adam.m[place]! / expected.m).toBeCloseTo(1, 4);
      expect(adam.v[place]! / expected.v).toBeCloseTo(1, 5);
    }
  });
});

test('the two forms differ where gradients are as small as epsilon', () => {
  const moved = (['keras', 'pytorch'] as const).map((epsilonForm) => {
    const adam = new Adam(whole(1), { ...settings, epsilonForm });
    adam.gradients[0] = 1e-6;
    adam.update(1, 0.1, 1);
    return -adam.weights[0]!;
  });
  expect(moved[0]).toBeLessThan(0.08);
  expect(moved[1]).toBeCloseTo(0.1 / 1.1, 4);
});

test.each([0, 1, 2, 3, 4, 5, 7, 8, 13])('of %d numbers each is updated alike, and nothing behind them', (length) => {
  const adam = new Adam(whole(length), { ...settings, weightDecay: 0.1 });
  adam.weights.fill(0.75);
  adam.gradients.fill(0.3);
  const memory = new Float32Array(adam.weights.buffer);
  const used = adam.weights.length + adam.weights.byteOffset / 4;
  memory.fill(9, used, adam.gradients.byteOffset / 4);
  adam.update(1, 0.01, 0.5);
  expect(new Set(adam.weights).size).toBeLessThanOrEqual(1);
  expect(new Set(adam.m).size).toBeLessThanOrEqual(1);
  expect(memory.subarray(used, adam.gradients.byteOffset / 4).every((value) => value === 9)).toBe(true);
  if (length > 0) expect(adam.weights[length - 1]).toBeLessThan(0.75);
});

test('decay acts on the segments that say so, wherever they begin', () => {
  const segments = [segmentOf([3, 5]), segmentOf([5]), segmentOf([7]), segmentOf([2, 3]), segmentOf([1, 1])];
  expect(segments.map(({ length, decayed }) => `${length} ${decayed}`)).toEqual(['15 true', '5 false', '7 false', '6 true', '1 true']);
  const adam = new Adam(segments, { ...settings, weightDecay: 0.5 });
  adam.weights.fill(1);
  adam.update(1, 0.1, 1);
  const decayed = Math.fround(1 - 0.1 * 0.5);
  expect([...adam.weights]).toEqual([...Array<number>(15).fill(decayed), ...Array<number>(12).fill(1), ...Array<number>(7).fill(decayed)]);
});

test('the scale is applied to gradients before anything else', () => {
  const [scaled, plain] = [new Adam(whole(6), settings), new Adam(whole(6), settings)];
  scaled.gradients.fill(4);
  plain.gradients.fill(1);
  scaled.update(1, 0.1, 0.25);
  plain.update(1, 0.1, 1);
  expect([scaled.weights, scaled.m, scaled.v]).toEqual([plain.weights, plain.m, plain.v]);
  expect(plain.m[5]).toBeCloseTo(0.1, 6);
});

describe('the global norm', () => {
  const normOf = (values: readonly number[]) => {
    const adam = new Adam(whole(values.length), settings);
    adam.gradients.set(values);
    return adam.gradientNorm();
  };

  test.each([0, 1, 7, 8, 9, 31, 4_099])('of %d numbers', (length) => {
    const random = new Random(length);
    const values = Float32Array.from({ length }, () => random.normal());
    const expected = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    expect(Math.abs(normOf([...values]) - expected)).toBeLessThanOrEqual(1e-12 * expected);
  });

  test('is summed in float64, and is not finite where a gradient is not', () => {
    expect(normOf([3, 0, -4])).toBe(5);
    // Squares of these overflow float32.
    expect(normOf([3e30, 4e30])).toBeCloseTo(5e30, -24);
    for (const place of [0, 5, 8]) {
      const values = Array<number>(9).fill(1);
      values[place] = Number.NaN;
      expect(normOf(values)).toBeNaN();
      values[place] = Number.NEGATIVE_INFINITY;
      expect(normOf(values)).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test('is clipped to a limit', () => {
    expect(clipScale(5, 1)).toBe(0.2);
    expect(clipScale(0.5, 1)).toBe(1);
    expect(clipScale(5, null)).toBe(1);
  });
});

test('a network that 32-bit addresses do not reach is refused', () => {
  expect(() => new Adam(whole(2 ** 28 + 1), settings)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('received 268435457') }),
  );
});
