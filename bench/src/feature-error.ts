/**
 * What is still the same encoder. The bench leaves out who is further from our float32 features than this (relative error, root of
 * summed squares): it would be timing something else.
 */
export const ERROR_LIMIT = { float32: 1e-4, float16: 1e-2, bfloat16: 5e-2, int8: 0.15 } as const;

/** ‖features − expected‖ / ‖expected‖. @throws RangeError when there are not as many of them. */
export function relativeError(features: Float32Array, expected: Float32Array): number {
  if (features.length !== expected.length) throw new RangeError(`Expected ${expected.length} numbers but received ${features.length}`);
  let difference = 0;
  let norm = 0;
  for (let index = 0; index < expected.length; index++) {
    difference += (features[index]! - expected[index]!) ** 2;
    norm += expected[index]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
