import { ShowtellError } from '@showtell/shared/errors';
import { SIDE } from '@showtell/shared/image/limits';
import { decodeMetadata, isSafetensors } from '@showtell/shared/safetensors';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { type CustomModel, decodeCustomFile } from './custom/custom-file';
import { ENCODER } from './inception-v3';
import { decodeInt8Weights, type Int8Weights, isInt8 } from './int8/int8-weights';
import { decodeWeights, type EncoderWeights } from './weights/tensors';

interface Kind {
  /** Name of the encoder, as identities have it. */
  readonly encoder: string;
  /** Of the pixels it takes. */
  readonly side: number;
  /** Length of a feature. */
  readonly dimension: number;
  /** Most pictures that it takes at once, where that does not depend on the device alone. */
  readonly most?: number | undefined;
}

/** InceptionV3 with float32 weights, which an engine may compute in float32 or float16. */
export interface InceptionFile extends Kind {
  readonly kind: 'inception-v3';
  readonly weights: EncoderWeights;
}

/** InceptionV3 quantised to 8-bit integers. */
export interface Int8File extends Kind {
  readonly kind: 'inception-v3-int8';
  readonly int8: Int8Weights;
}

/** An ONNX model of the user's own with its description, computed in the numbers that it was saved in. */
export interface CustomFile extends Kind {
  readonly kind: 'custom';
  readonly custom: CustomModel;
}

/** What lies under `weights/<sha256>` in the store, one file an encoder. Add an encoder by adding a kind. */
export type EncoderFile = InceptionFile | Int8File | CustomFile;

/**
 * Reads an encoder file; its content says of which kind it is.
 * @param where names it in errors: `WEIGHTS_INVALID`, `FORMAT_VERSION`.
 */
export function decodeEncoderFile(bytes: Uint8Array, where: string): EncoderFile {
  if (!isSafetensors(bytes)) return customFile(decodeCustomFile(bytes, where));
  if (isInt8(decodeMetadata(bytes, where))) {
    const int8 = decodeInt8Weights(bytes, where);
    return { kind: 'inception-v3-int8', encoder: ENCODER, side: SIDE, dimension: int8.dimension, int8 };
  }
  const weights = decodeWeights(bytes, where);
  return { kind: 'inception-v3', encoder: ENCODER, side: SIDE, dimension: weights.dimension, weights };
}

export function customFile(custom: CustomModel): CustomFile {
  const { name, input, output } = custom.description;
  return { kind: 'custom', encoder: name, side: input.side, dimension: output.dimension, most: custom.batch, custom };
}

/** In which precisions a file of each kind is computed. */
const COMPUTED: Readonly<Record<EncoderFile['kind'], readonly Precision[]>> = {
  'inception-v3': ['float32', 'float16'],
  'inception-v3-int8': ['int8'],
  custom: ['float32'],
};

/** @throws ShowtellError `WEIGHTS_INVALID` when the file is not one of what is to be computed: a plan that says so is wrong. */
export function checkFilePrecision({ kind }: EncoderFile, precision: Precision, where: string): void {
  if (!COMPUTED[kind].includes(precision))
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected an encoder for ${precision} in ${where} but it is one for ${COMPUTED[kind].join(' or ')}`,
    );
}
