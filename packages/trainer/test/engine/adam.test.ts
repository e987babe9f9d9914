import { adam, clipScale, globalNorm } from '../../src/engine/adam';

const settings = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

test("two steps by Keras' formula, epsilon on the uncorrected root", () => {
  // A gradient near epsilon tells the two forms apart: corrected, the first step would move the weight by 0.1 · 1/(1 + 0.1).
  const gradient = 1e-6;
  const arrays = { weights: Float32Array.of(1), gradients: Float32Array.of(gradient), m: new Float32Array(1), v: new Float32Array(1) };
  let [weight, m, v] = [1, 0, 0];
  for (const step of [1, 2]) {
    adam(arrays, settings, step, 1);
    m += (gradient - m) * 0.1;
    v += (gradient * gradient - v) * 0.001;
    weight -= ((0.1 * Math.sqrt(1 - 0.999 ** step)) / (1 - 0.9 ** step)) * (m / (Math.sqrt(v) + 1e-7));
    expect(arrays.weights[0]).toBeCloseTo(weight, 6);
    expect(arrays.m[0]! / m).toBeCloseTo(1, 6);
    expect(arrays.v[0]! / v).toBeCloseTo(1, 6);
  }
  expect(1 - weight).toBeLessThan(0.08);
});

test('the scale is applied to gradients before anything else', () => {
  const fresh = (gradient: number) => ({
    weights: Float32Array.of(1),
    gradients: Float32Array.of(gradient),
    m: new Float32Array(1),
    v: new Float32Array(1),
  });
  const scaled = fresh(4);
  const plain = fresh(1);
  adam(scaled, settings, 1, 0.25);
  adam(plain, settings, 1, 1);
  expect([scaled.weights, scaled.m, scaled.v]).toEqual([plain.weights, plain.m, plain.v]);
});

test('norm and clipping', () => {
  expect(globalNorm(Float32Array.of(3, 0, -4))).toBe(5);
  expect(globalNorm(Float32Array.of(1, Number.NaN))).toBeNaN();
  expect(globalNorm(Float32Array.of(1, Number.NEGATIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
  // Squares of these overflow float32.
  expect(globalNorm(Float32Array.of(3e30, 4e30))).toBeCloseTo(5e30, -24);
  expect(clipScale(5, 1)).toBe(0.2);
  expect(clipScale(0.5, 1)).toBe(1);
  expect(clipScale(5, null)).toBe(1);
});
