import { ShowtellError } from '@showtell/shared/errors';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '@showtell/shared/safetensors';
import { CONVOLUTIONS, ENCODER, INPUT, LAYERS, OUTPUT } from '../inception-v3';

/** How a file's author scaled pixels (0–255) before the first convolution: `x * scale + offset`. */
export const INPUT_SCALING = {
  'x/127.5-1': { scale: 1 / 127.5, offset: -1 },
  'x/255': { scale: 1 / 255, offset: 0 },
} as const;
export type InputScaling = keyof typeof INPUT_SCALING;

export interface ConvolutionWeights {
  /** [rows, columns, in, out] */
  readonly kernel: Float32Array;
  readonly shape: readonly [height: number, width: number, input: number, output: number];
  /** Batch-norm, each [out]; without `gamma` it is 1 (Keras' InceptionV3 has none). */
  readonly gamma?: Float32Array;
  readonly beta: Float32Array;
  readonly movingMean: Float32Array;
  readonly movingVariance: Float32Array;
}

/** The one form in memory, whatever file it came from: the convolutions in creation order, not yet folded. */
export interface EncoderWeights {
  readonly input: InputScaling;
  /** 94 of them; `[k - 1]` is Keras' `conv2d_k` with `batch_normalization_k`. */
  readonly convolutions: readonly ConvolutionWeights[];
  /** Length of a feature. */
  readonly dimension: number;
}

export interface FoundTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const FORMAT = '1';
const VARIABLES = { gamma: 'gamma', beta: 'beta', movingMean: 'moving_mean', movingVariance: 'moving_variance' } as const;

/** Kernel and batch-norm names of convolution `number` in Showtell's own files and in Keras' published layout. */
export const layerNames = (number: number) => ({ convolution: `conv2d_${number}`, batchNorm: `batch_normalization_${number}` });

/**
 * Collects the 94 convolutions from any reader and checks every shape against the topology and every value for being finite.
 * @param find a tensor by Showtell's names (`conv2d_7`, `kernel`), or `undefined` when the file has none.
 * @param where names the file in errors (`WEIGHTS_INVALID`).
 */
export function collectWeights(
  find: (layer: string, variable: string) => FoundTensor | undefined,
  input: InputScaling,
  where: string,
): EncoderWeights {
  const invalid = (problem: string) => new ShowtellError('WEIGHTS_INVALID', `${where} is not an InceptionV3: ${problem}`);
  const tensor = (layer: string, variable: string, expected: readonly (number | undefined)[]): FoundTensor => {
    const found = find(layer, variable);
    if (found === undefined) throw invalid(`it has no ${layer}/${variable}`);
    const fits = found.shape.length === expected.length && found.shape.every((size, axis) => size === (expected[axis] ?? size) && size > 0);
    if (!fits)
      throw invalid(
        `expected shape [${expected.map((size) => size ?? 'filters').join(', ')}] for ${layer}/${variable} but received [${found.shape.join(', ')}]`,
      );
    // Only of finite numbers is the difference with themselves 0; this runs 22 million times.
    const bad = found.data.findIndex((value) => value - value !== 0);
    if (bad >= 0) throw invalid(`expected finite numbers in ${layer}/${variable} but received ${found.data[bad]} at index ${bad}`);
    return found;
  };

  const width = new Map([[INPUT, 3]]);
  const convolutions: ConvolutionWeights[] = [];
  for (const layer of LAYERS) {
    if (layer.kind === 'concat')
      width.set(
        layer.name,
        layer.inputs.reduce((sum, name) => sum + width.get(name)!, 0),
      );
    else if (layer.kind !== 'convolution') width.set(layer.name, width.get(layer.input)!);
    else {
      const { convolution, batchNorm } = layerNames(layer.number);
      if (find(convolution, 'bias') !== undefined) throw invalid(`expected no bias but found ${convolution}/bias`);
      const kernel = tensor(convolution, 'kernel', [...layer.kernel, width.get(layer.input)!, undefined]);
      const filters = kernel.shape[3]!;
      const norm = (variable: string) => tensor(batchNorm, variable, [filters]).data;
      const movingVariance = norm(VARIABLES.movingVariance);
      if (movingVariance.some((value) => value < 0))
        throw invalid(`expected no negative number in ${batchNorm}/${VARIABLES.movingVariance}`);
      convolutions.push({
        kernel: kernel.data,
        shape: kernel.shape as unknown as ConvolutionWeights['shape'],
        ...(find(batchNorm, VARIABLES.gamma) === undefined ? {} : { gamma: norm(VARIABLES.gamma) }),
        beta: norm(VARIABLES.beta),
        movingMean: norm(VARIABLES.movingMean),
        movingVariance,
      });
      width.set(layer.name, filters);
    }
  }
  return { input, convolutions, dimension: width.get(OUTPUT)! };
}

/**
 * The canonical file: float32, in creation order, with the input scaling in its metadata.
 * The same weights give the same bytes whatever layout they were read from, so its sha256 is their identity.
 */
export function encodeWeights(weights: EncoderWeights): Buffer {
  const tensors = weights.convolutions.flatMap((convolution, index): NamedTensor[] => {
    const names = layerNames(index + 1);
    const norm = (Object.keys(VARIABLES) as (keyof typeof VARIABLES)[]).flatMap((variable): NamedTensor[] => {
      const data = convolution[variable];
      return data ? [{ name: `${names.batchNorm}/${VARIABLES[variable]}`, dtype: 'F32', shape: [data.length], data }] : [];
    });
    return [{ name: `${names.convolution}/kernel`, dtype: 'F32', shape: convolution.shape, data: convolution.kernel }, ...norm];
  });
  return encodeSafetensors(tensors, { encoder: ENCODER, format: FORMAT, input: weights.input });
}

/** Reads a canonical file. @param where names it in errors (`WEIGHTS_INVALID`, `FORMAT_VERSION`). */
export function decodeWeights(bytes: Uint8Array, where: string): EncoderWeights {
  const { tensors, metadata } = decodeSafetensors(bytes, where);
  if (metadata['encoder'] !== ENCODER)
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected encoder "${ENCODER}" in the metadata of ${where} but received ${JSON.stringify(metadata['encoder'])}`,
    );
  if (metadata['format'] !== FORMAT)
    throw new ShowtellError(
      'FORMAT_VERSION',
      `Expected format version ${FORMAT} in ${where} but received ${JSON.stringify(metadata['format'])}`,
    );
  const input = metadata['input'] as InputScaling;
  if (!Object.hasOwn(INPUT_SCALING, input))
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected input scaling ${Object.keys(INPUT_SCALING).join(' or ')} in ${where} but received ${JSON.stringify(input)}`,
    );
  const expected = CONVOLUTIONS * 4;
  if (tensors.size < expected)
    throw new ShowtellError('WEIGHTS_INVALID', `Expected at least ${expected} tensors in ${where} but received ${tensors.size}`);
  return collectWeights(
    (layer, variable) => {
      const found = tensors.get(`${layer}/${variable}`);
      return found?.dtype === 'F32' ? { shape: found.shape, data: found.data as Float32Array } : undefined;
    },
    input,
    where,
  );
}
