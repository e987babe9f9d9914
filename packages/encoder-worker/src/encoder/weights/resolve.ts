import { resolve } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { PREPROCESSING, Precision, preprocessingOf } from '@showtell/shared/schema/encoder-identity';
import { resolveCustom } from '../custom/resolve-custom';
import { ENCODER } from '../inception-v3';
import { readBundledWeights } from './bundled';
import { type EncoderWeights, encodeWeights } from './tensors';
import { readWeightsFile } from './weights-file';

export interface ResolvedWeights {
  /** The encoder file, as the store keeps it under `weights/`; `decodeEncoderFile` reads it. */
  readonly bytes: Buffer;
  /** Of `bytes`: the identity of the weights. */
  readonly sha256: string;
  /** Name of the encoder, `inception-v3` or that of the user's own. */
  readonly encoder: string;
  readonly preprocessing: string;
  /** In which runs of it can be had. */
  readonly precisions: readonly Precision[];
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
 * Reads encoder weights: `bundled`, or the path of a file of Keras (`.h5`, `.weights.h5`, `.keras`) or of Showtell (`.safetensors`), or of
 * an ONNX model with a JSON file beside it that describes it.
 * @throws ShowtellError `WEIGHTS_INVALID` (what is wrong with the file), `CONFIG_INVALID` (`imagenet`: how to get it).
 */
export async function resolveWeights(spec: string): Promise<ResolvedWeights> {
  if (spec === 'bundled') return resolved(readBundledWeights(), 'bundled: InceptionV3 of the npm package nsfwjs');
  if (spec === 'imagenet')
    throw new ShowtellError('CONFIG_INVALID', 'The ImageNet weights are not downloaded for you yet', {
      hint: `Download ${IMAGENET.url} (MD5 ${IMAGENET.md5}) and give its path instead.`,
    });
  if (/\.onnx$/i.test(spec)) return resolvedCustom(resolve(spec), spec);
  return resolved(await readWeightsFile(resolve(spec)), spec);
}

function resolved(weights: EncoderWeights, origin: string): ResolvedWeights {
  const bytes = encodeWeights(weights);
  const { dimension, input } = weights;
  const description = `${origin}, ${dimension}-d, input ${input}`;
  return {
    bytes,
    sha256: sha256(bytes),
    encoder: ENCODER,
    preprocessing: PREPROCESSING,
    precisions: Precision.options,
    dimension,
    description,
  };
}

async function resolvedCustom(path: string, origin: string): Promise<ResolvedWeights> {
  const { bytes, custom } = await resolveCustom(path);
  const { name, input, output } = custom.description;
  return {
    bytes,
    sha256: sha256(bytes),
    encoder: name,
    preprocessing: preprocessingOf(input.side),
    // Its author chose the numbers that it computes with.
    precisions: ['float32'],
    dimension: output.dimension,
    description: `${origin}: ${name}, ${output.dimension}-d, side ${input.side}`,
  };
}
