import { SIDE } from '@showtell/shared/image/limits';
import { ENCODER } from './inception-v3';
import { decodeWeights, type EncoderWeights } from './weights/tensors';

interface Kind {
  /** Name of the encoder, as identities have it. */
  readonly encoder: string;
  /** Of the pixels it takes. */
  readonly side: number;
  /** Length of a feature. */
  readonly dimension: number;
}

/** InceptionV3 with float32 weights, which an engine may compute in float32 or float16. */
export interface InceptionFile extends Kind {
  readonly kind: 'inception-v3';
  readonly weights: EncoderWeights;
}

/** What lies under `weights/<sha256>` in the store, one file an encoder. Add an encoder by adding a kind. */
export type EncoderFile = InceptionFile;

/**
 * Reads an encoder file; its content says of which kind it is.
 * @param where names it in errors: `WEIGHTS_INVALID`, `FORMAT_VERSION`.
 */
export function decodeEncoderFile(bytes: Uint8Array, where: string): EncoderFile {
  const weights = decodeWeights(bytes, where);
  return { kind: 'inception-v3', encoder: ENCODER, side: SIDE, dimension: weights.dimension, weights };
}
