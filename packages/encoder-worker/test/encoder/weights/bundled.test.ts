import { sha256 } from '@showtell/shared/hash';
import { readBundledWeights } from '../../../src/encoder/weights/bundled';
import { encodeWeights } from '../../../src/encoder/weights/tensors';

describe('bundled weights', () => {
  const weights = readBundledWeights();

  test('are a whole InceptionV3 that wants x/255', () => {
    expect(weights.dimension).toBe(2048);
    expect(weights.input).toBe('x/255');
    expect(weights.convolutions[0]!.shape).toEqual([3, 3, 3, 32]);
    expect(weights.convolutions[93]!.shape).toEqual([1, 1, 2048, 192]);
  });

  test('are dequantised: few different values, a step apart', () => {
    const values = [...new Set(weights.convolutions[4]!.kernel)].sort((a, b) => a - b);
    expect(values.length).toBeGreaterThan(100);
    expect(values.length).toBeLessThanOrEqual(256);
    const span = values.at(-1)! - values[0]!;
    for (const value of values) {
      const step = ((value - values[0]!) / span) * 255;
      expect(Math.abs(step - Math.round(step))).toBeLessThan(1e-3);
    }
  });

  /** Runs that exist name these weights by it: another value would make their features unreachable. */
  test('keep their identity', () => {
    expect(sha256(encodeWeights(weights))).toBe('7d12bcc0b67ef379318e0741bd4ab60501ca4db81ffbb7f0f979ad60e237d1b0');
  });
});
