import { sha256 } from '@showtell/shared/hash';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { calibrate } from '../src/encoder/int8/calibrate';
import { encodeInt8Weights, type Int8Weights } from '../src/encoder/int8/int8-weights';
import { narrowEncoderWeights, narrowWeights } from './narrow-weights';

/** The narrow InceptionV3 in int8, calibrated on the pictures given: [n × 299 × 299 × 3]. */
export async function narrowInt8Weights(
  seed: number,
  pixels: Uint8Array,
): Promise<{ int8: Int8Weights; safetensors: Buffer; sha256: string }> {
  const int8 = await calibrate(narrowEncoderWeights(seed), inTurn(split(pixels)), { source: narrowWeights(seed).sha256, threads: 1 });
  const safetensors = encodeInt8Weights(int8);
  return { int8, safetensors, sha256: sha256(safetensors) };
}

export const split = (pixels: Uint8Array): Buffer[] =>
  Array.from({ length: pixels.length / PIXEL_BYTES }, (_, index) =>
    Buffer.from(pixels.subarray(index * PIXEL_BYTES, (index + 1) * PIXEL_BYTES)),
  );

export async function* inTurn<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  for (const item of items) yield Promise.resolve(item);
}
