import { relativeError } from '../src/feature-error';

describe('relative error of features', () => {
  test('is the length of the difference over that of what is expected', () => {
    expect(relativeError(Float32Array.of(3, 4), Float32Array.of(3, 4))).toBe(0);
    expect(relativeError(Float32Array.of(3, 0), Float32Array.of(3, 4))).toBeCloseTo(0.8, 12);
  });

  test('is not finite where a feature is not, so that no limit is kept', () => {
    expect(relativeError(Float32Array.of(Number.NaN, 4), Float32Array.of(3, 4))).toBeNaN();
  });

  test('needs as many numbers as are expected', () => {
    expect(() => relativeError(new Float32Array(2), new Float32Array(3))).toThrow(new RangeError('Expected 3 numbers but received 2'));
  });
});
