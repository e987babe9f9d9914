import { ShowtellError } from '@showtell/shared/errors';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '@showtell/shared/safetensors';
import { type Convolution, ENCODER, layerWidths, OUTPUT, pooledBy } from '../inception-v3';

/**
 * A convolution in integers, batch-norm and the input's scales folded in. From levels (uint8) of the input it makes levels of the
 * output: `clamp(round((Σ kernel · input + bias) · scale), 0, 255)`. Level 0 is 0.0, so that clamping is the ReLU.
 */
export interface Int8Convolution {
  /** [rows, columns, in, out], within ±127. */
  readonly kernel: Int8Array;
  readonly shape: readonly [height: number, width: number, input: number, output: number];
  /** [out] */
  readonly bias: Int32Array;
  /** [out]: levels of the output for 1 of the sum. Of `unpooled` levels, where there are any. */
  readonly scale: Float32Array;
  /** [out]: what one level of the output stands for. */
  readonly step: Float32Array;
  /** Where an average pool follows: what goes into it are `(level - zero) · step` levels of the output, of either sign. */
  readonly unpooled?: { readonly step: number; readonly zero: number };
}

/** InceptionV3 in 8-bit integers: weights signed and scaled per filter, activations unsigned. The first convolution reads pixels. */
export interface Int8Weights {
  /** sha256 of the float32 file they were made of. */
  readonly source: string;
  /** 94, in creation order. */
  readonly convolutions: readonly Int8Convolution[];
  /** Length of a feature. */
  readonly dimension: number;
}

const FORMAT = '1';
const PRECISION = 'int8';

const layerNames = (number: number) => ({ convolution: `conv2d_${number}`, activation: `activation_${number}` });

/** The file: its sha256 is the identity of the calibrated encoder. */
export function encodeInt8Weights({ source, convolutions }: Int8Weights): Buffer {
  const tensors = convolutions.flatMap(({ kernel, shape, bias, scale, step, unpooled }, index): NamedTensor[] => {
    const { convolution, activation } = layerNames(index + 1);
    const list: NamedTensor[] = [
      { name: `${convolution}/kernel`, dtype: 'I8', shape, data: kernel },
      { name: `${convolution}/bias`, dtype: 'I32', shape: [bias.length], data: bias },
      { name: `${convolution}/scale`, dtype: 'F32', shape: [scale.length], data: scale },
      { name: `${activation}/step`, dtype: 'F32', shape: [step.length], data: step },
    ];
    if (unpooled)
      list.push(
        { name: `${activation}/unpooled_step`, dtype: 'F32', shape: [1], data: Float32Array.of(unpooled.step) },
        { name: `${activation}/unpooled_zero`, dtype: 'U8', shape: [1], data: Uint8Array.of(unpooled.zero) },
      );
    return list;
  });
  return encodeSafetensors(tensors, { encoder: ENCODER, format: FORMAT, precision: PRECISION, source });
}

/** Whether a safetensors file's metadata is that of int8 weights. */
export const isInt8 = (metadata: Readonly<Record<string, string>>): boolean => metadata['precision'] === PRECISION;

/** Reads what `encodeInt8Weights` wrote. @param where names the file in errors (`WEIGHTS_INVALID`, `FORMAT_VERSION`). */
export function decodeInt8Weights(bytes: Uint8Array, where: string): Int8Weights {
  const { tensors, metadata } = decodeSafetensors(bytes, where);
  const invalid = (problem: string) => new ShowtellError('WEIGHTS_INVALID', `${where} is not an int8 InceptionV3: ${problem}`);
  for (const [name, expected] of Object.entries({ encoder: ENCODER, precision: PRECISION }))
    if (metadata[name] !== expected)
      throw invalid(`expected ${name} "${expected}" in its metadata but received ${JSON.stringify(metadata[name])}`);
  if (metadata['format'] !== FORMAT)
    throw new ShowtellError(
      'FORMAT_VERSION',
      `Expected format version ${FORMAT} in ${where} but received ${JSON.stringify(metadata['format'])}`,
    );
  const source = metadata['source'] ?? '';
  if (!/^[0-9a-f]{64}$/.test(source)) throw invalid(`expected a sha256 as source in its metadata but received ${JSON.stringify(source)}`);

  const read = (name: string, dtype: NamedTensor['dtype'], shape: readonly (number | undefined)[]): NamedTensor => {
    const found = tensors.get(name);
    if (found === undefined) throw invalid(`it has no ${name}`);
    const fits =
      found.dtype === dtype &&
      found.shape.length === shape.length &&
      found.shape.every((size, axis) => size === (shape[axis] ?? size) && size > 0);
    if (!fits)
      throw invalid(
        `expected ${dtype} of shape [${shape.map((size) => size ?? 'filters').join(', ')}] for ${name} but received ${found.dtype} of shape [${found.shape.join(', ')}]`,
      );
    return found;
  };
  const readPositive = (name: string, length: number) => {
    const data = read(name, 'F32', [length]).data as Float32Array;
    const bad = data.findIndex((value) => !(value > 0 && value < Infinity));
    if (bad >= 0) throw invalid(`expected positive numbers in ${name} but received ${data[bad]} at index ${bad}`);
    return data;
  };

  const convolutions: Int8Convolution[] = [];
  const readConvolution = (layer: Convolution, channels: number): Int8Convolution => {
    const { convolution, activation } = layerNames(layer.number);
    const kernel = read(`${convolution}/kernel`, 'I8', [...layer.kernel, channels, undefined]);
    if (kernel.data.includes(-128)) throw invalid(`expected numbers of -127 to 127 in ${convolution}/kernel but received -128`);
    const filters = kernel.shape[3]!;
    return {
      kernel: kernel.data as Int8Array,
      shape: kernel.shape as unknown as Int8Convolution['shape'],
      bias: read(`${convolution}/bias`, 'I32', [filters]).data as Int32Array,
      scale: readPositive(`${convolution}/scale`, filters),
      step: readPositive(`${activation}/step`, filters),
      ...(pooledBy(layer) && {
        unpooled: {
          step: readPositive(`${activation}/unpooled_step`, 1)[0]!,
          zero: read(`${activation}/unpooled_zero`, 'U8', [1]).data[0]!,
        },
      }),
    };
  };
  const widths = layerWidths((layer, channels) => {
    const convolution = readConvolution(layer, channels);
    convolutions.push(convolution);
    return convolution.shape[3];
  });
  return { source, convolutions, dimension: widths.get(OUTPUT)! };
}
