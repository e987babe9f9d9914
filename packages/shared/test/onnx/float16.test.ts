import fc from 'fast-check';
import { toFloat16 } from '../../src/onnx/float16';

const half = (value: number) => toFloat16(Float32Array.of(value))[0]!;
/** What the bits of a half mean, by the standard's formula. */
const value = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
};

test('every half is itself', () => {
  const all = Array.from({ length: 0x10000 }, (_, bits) => bits).filter((bits) => !Number.isNaN(value(bits)));
  expect(all.filter((bits) => half(value(bits)) !== bits)).toEqual([]);
});

test.each([
  [65519, 0x7bff],
  [65520, 0x7c00],
  [1e9, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
  [2 ** -25, 0],
  [2 ** -25 * 1.0001, 1],
  [-(2 ** -24), 0x8001],
  [1e-30, 0],
  // Halfway: to the even neighbour.
  [1 + 2 ** -11, 0x3c00],
  [1 + 3 * 2 ** -11, 0x3c02],
])('%d becomes the bits %d', (float, bits) => {
  expect(half(float)).toBe(bits);
});

test('not a number stays none', () => {
  expect(value(half(Number.NaN))).toBeNaN();
});

test('no half is nearer', () => {
  const isNearest = fc.property(fc.float({ min: -65000, max: 65000, noNaN: true }), (float) => {
    const bits = half(float);
    const distance = Math.abs(value(bits) - float);
    const others = [bits - 1, bits + 1].filter((other) => other >= 0 && other < 0x10000 && Number.isFinite(value(other)));
    return others.every((other) => distance <= Math.abs(value(other) - float));
  });
  expect(fc.check(isNearest).failed).toBe(false);
});
