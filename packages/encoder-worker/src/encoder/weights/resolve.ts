import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { PREPROCESSING } from '@showtell/shared/schema/encoder-identity';
import { ENCODER } from '../inception-v3';
import { readBundledWeights } from './bundled';
import { readKerasFile } from './keras-h5';
import { decodeWeights, type EncoderWeights, encodeWeights } from './tensors';

export interface ResolvedWeights {
  /** The encoder file, as the store keeps it under `weights/`; `decodeEncoderFile` reads it. */
  readonly bytes: Buffer;
  /** Of `bytes`: the identity of the weights. */
  readonly sha256: string;
  /** Name of the encoder, `inception-v3` or that of the user's own. */
  readonly encoder: string;
  readonly preprocessing: string;
  /** Length of a feature. */
  readonly dimension: number;
  /** For people: where they came from and how wide they are. */
  readonly description: string;
}

/** Keras' published ImageNet weights; address and MD5 as in Keras' own source. */
export const IMAGENET = {
  file: 'inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5',
  url: 'https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5',
  md5: 'bcbd6486424b2319ff4ef7d526e38f63',
} as const;

/**
 * Reads encoder weights: `bundled`, or the path of a Keras `.h5` file or of a canonical `.safetensors` file.
 * @throws ShowtellError `WEIGHTS_INVALID` (what is wrong with the file), `CONFIG_INVALID` (`imagenet`: how to get it).
 */
export async function resolveWeights(spec: string): Promise<ResolvedWeights> {
  if (spec === 'bundled') return resolved(readBundledWeights(), 'bundled: InceptionV3 of the npm package nsfwjs');
  if (spec === 'imagenet')
    throw new ShowtellError('CONFIG_INVALID', 'The ImageNet weights are not downloaded for you yet', {
      hint: `Download ${IMAGENET.url} (MD5 ${IMAGENET.md5}) and give its path instead.`,
    });
  return resolved(await readFileWeights(resolve(spec)), spec);
}

function resolved(weights: EncoderWeights, origin: string): ResolvedWeights {
  const bytes = encodeWeights(weights);
  const { dimension, input } = weights;
  const description = `${origin}, ${dimension}-d, input ${input}`;
  return { bytes, sha256: sha256(bytes), encoder: ENCODER, preprocessing: PREPROCESSING, dimension, description };
}

const HDF5_SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const ZIP_SIGNATURE = Buffer.from('PK\x03\x04', 'latin1');

async function readFileWeights(path: string): Promise<EncoderWeights> {
  const bytes = await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      cause.code === 'ENOENT' ? `There is no weights file ${path}` : `The weights file ${path} cannot be read: ${cause.message}`,
      { cause, hint: 'Expected bundled, or the path of a Keras .h5 file.' },
    );
  });
  if (bytes.subarray(0, ZIP_SIGNATURE.length).equals(ZIP_SIGNATURE))
    throw new ShowtellError('WEIGHTS_INVALID', `${path} is a .keras archive, a layout that is not supported yet`, {
      hint: 'Supported is the layout of the published InceptionV3 .h5 weights.',
    });
  if (!bytes.subarray(0, HDF5_SIGNATURE.length).equals(HDF5_SIGNATURE)) {
    // Its first 8 bytes are the header's length, and the header is a JSON object.
    if (bytes[8] === 0x7b) return decodeWeights(bytes, path);
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected an HDF5 or safetensors file for weights but ${path} is neither (${bytes.length} bytes)`,
    );
  }
  if (basename(path) === IMAGENET.file) checkImagenet(bytes, path);
  return readKerasFile(path);
}

/** The published name promises the published bytes. */
function checkImagenet(bytes: Buffer, path: string): void {
  const md5 = createHash('md5').update(bytes).digest('hex');
  if (md5 !== IMAGENET.md5)
    throw new ShowtellError('WEIGHTS_INVALID', `Expected MD5 ${IMAGENET.md5} for ${path} but received ${md5}`, {
      hint: `It is damaged or another file under the published name. Download ${IMAGENET.url} again, or rename the file if it is meant to be another.`,
    });
}
