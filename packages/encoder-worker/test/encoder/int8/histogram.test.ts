import { Histogram } from '../../../src/encoder/int8/histogram';
import { mulberry32 } from '../../narrow-weights';

const counted = (...parts: readonly number[][]) => {
  const histogram = new Histogram();
  for (const part of parts) histogram.add(Float32Array.from(part));
  return histogram;
};

/** Mean squared error of rounding to `step` up to 255 steps, computed number by number. */
function squaredError(values: readonly number[], clip: number): number {
  const step = clip / 255;
  return values.reduce((sum, value) => sum + (Math.min(255, Math.round(value / step)) * step - value) ** 2, 0) / values.length;
}

describe('Histogram', () => {
  const random = mulberry32(7);
  // Exponential, as activations behind a ReLU are.
  const values = Array.from({ length: 20_000 }, () => -Math.log(1 - random()));

  test('clips where rounding and clipping together lose least', () => {
    // One number in a million is far out.
    const far = 16;
    const histogram = counted(...Array.from({ length: 100 }, () => values), [far]);
    expect(histogram.greatest).toBe(far);
    const error = (clip: number) => squaredError(values, clip) * values.length * 100 + squaredError([far], clip);
    const clip = histogram.leastErrorClip();
    const errors = Array.from({ length: 71 }, (_, index) => error(far * (0.3 + (0.7 * index) / 70)));
    expect(error(clip)).toBeLessThan(Math.min(...errors) * 1.01);
    expect(error(clip)).toBeLessThan(error(far) * 0.9);
  });

  test('does not clip what fills its range evenly', () => {
    const even = Array.from({ length: 10_000 }, (_, index) => index / 1_000);
    expect(counted(even).leastErrorClip()).toBeGreaterThan(9.6);
  });

  test('does not depend on the order in which numbers come', () => {
    const parts = Array.from({ length: 8 }, (_, part) => values.slice(part * 2_500, (part + 1) * 2_500));
    const clips = [parts, [...parts].reverse(), [values], [[...values].reverse()]].map((order) => counted(...order).leastErrorClip());
    expect(new Set(clips).size).toBe(1);
  });

  test('of zeros, and of nothing, has no clip', () => {
    expect(counted([0, 0, 0]).leastErrorClip()).toBe(0);
    expect(new Histogram().leastErrorClip()).toBe(0);
  });

  test('refuses what is not finite', () => {
    expect(() => counted([1, Infinity])).toThrow('Expected finite numbers for a histogram but received Infinity');
  });
});
