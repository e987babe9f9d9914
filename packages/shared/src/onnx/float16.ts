const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** IEEE 754 half precision, as bits, rounded to nearest even. Beyond ±65504 it is infinite; the caller must not let that pass. */
export function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, halfBits);
}

function halfBits(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const half = exponent - 112;
  if (half >= 31) return sign | 0x7c00;
  // Below the least normal number the leading 1 becomes explicit, and the fraction loses a bit for every power of two.
  const shift = half > 0 ? 13 : 14 - half;
  if (shift > 24) return sign;
  const whole = half > 0 ? fraction : fraction | 0x800000;
  const kept = whole >>> shift;
  const rest = whole & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const up = rest > middle || (rest === middle && (kept & 1) === 1) ? 1 : 0;
  // A carry out of the fraction goes into the exponent, which is what rounding means there.
  return sign | (((half > 0 ? half : 0) << 10) + kept + up);
}
