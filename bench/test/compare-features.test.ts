import { compareFeatures } from '../src/compare-features';

describe('compareFeatures', () => {
  test('of the same features finds nothing', () => {
    const features = Float32Array.of(1, 2, 3, 4);
    expect(compareFeatures(features, features, 2)).toEqual({
      meanCosine: expect.closeTo(1, 12) as number,
      leastCosine: expect.closeTo(1, 12) as number,
      relativeError: 0,
      meanRelativeError: 0,
    });
  });

  test('counts every photo alike in means, and a large one for more in the error of all', () => {
    const expected = Float32Array.of(30, 40, 1, 0);
    const features = Float32Array.of(30, 40, 0, 1);
    const { meanCosine, leastCosine, relativeError, meanRelativeError } = compareFeatures(features, expected, 2);
    expect(meanCosine).toBeCloseTo(0.5, 12);
    expect(leastCosine).toBe(0);
    expect(meanRelativeError).toBeCloseTo(Math.SQRT2 / 2, 12);
    expect(relativeError).toBeCloseTo(Math.sqrt(2 / 2_501), 12);
  });

  test('refuses features of other photos', () => {
    expect(() => compareFeatures(new Float32Array(2), new Float32Array(4), 2)).toThrow(RangeError);
  });
});
