import { readFile } from 'node:fs/promises';
import { type Device, isCuda } from '@showtell/shared/device';
import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import { tensorflowFolder, whyNotCuda } from '@showtell/shared/tensorflow/bindings';
import { isOutOfMemory, type Operators, type Tensor, type Tensor1D, type Tensor4D } from '@showtell/shared/tensorflow/load';
import { openTensorflow } from '@showtell/shared/tensorflow/open';
import { checkFilePrecision, decodeEncoderFile } from '../encoder-file';
import { foldConvolution } from '../fold';
import { type Convolution, INPUT, LAYERS, type Layer, OUTPUT } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import { Batches } from './batches';
import { openOnDevice } from './choose-device';
import type { EncoderEngine, EngineDescription, EngineOptions, OnNotice } from './engine';
import { inTurn } from './in-turn';

/** Images computed together: on a CPU more are no faster, on a GPU more hide the time that asking for every operator takes. */
const RUN = { cpu: 8, wasm: 1, cuda: 64 } as const;

/**
 * InceptionV3 in TensorFlow.js: in TensorFlow itself (CUDA, CPU) or on WebAssembly. `encode()` blocks the event loop of its process
 * while it computes: programs that hold locks use `startEngineProcess` instead.
 */
export function openTensorflowEngine(options: EngineOptions, onNotice: OnNotice = () => {}): Promise<EncoderEngine> {
  return onDevice(options, (device, chosen) => openOn(device, chosen, options, onNotice));
}

/** Which device the engine gets: TensorFlow is loaded for it. */
export function probeTensorflow(options: EngineOptions): Promise<EngineDescription> {
  return onDevice(options, async (device, chosen) => (await load(device, chosen, options)).description);
}

function onDevice<T>(options: EngineOptions, open: (device: Device, chosen?: string) => Promise<T>): Promise<T> {
  return openOnDevice(options, open, () => whyNotCuda(tensorflowFolder(options.tensorflow)));
}

async function load(
  device: Device,
  chosen: string | undefined,
  { precision, threads, tensorflow: folder }: EngineOptions,
): Promise<{ readonly tf: Operators; readonly description: EngineDescription }> {
  const { tf, description } = await openTensorflow({ device, threads, folder });
  return { tf, description: { ...description, precision, ...(chosen !== undefined && { chosen }) } };
}

async function openOn(device: Device, chosen: string | undefined, options: EngineOptions, onNotice: OnNotice): Promise<EncoderEngine> {
  const { weights: path, precision, batch } = options;
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new ShowtellError('WEIGHTS_INVALID', `The weights file ${path} cannot be read: ${cause.message}`, { cause });
  });
  const file = decodeEncoderFile(bytes, path);
  checkFilePrecision(file, precision, path);
  if (file.kind !== 'inception-v3')
    throw new ShowtellError('CONFIG_INVALID', `Expected InceptionV3 for the engine tensorflow but received the encoder ${file.encoder}`, {
      hint: 'Encoders of your own run in the engine onnx.',
    });
  const { tf, description } = await load(device, chosen, options);
  const { side, dimension } = file;
  const filters = uploadFilters(tf, file.weights);
  const batches = new Batches({
    compute: async (pixels, count) => {
      const features = tf.tidy(() => forward(tf, filters, tf.tensor4d(new Float32Array(pixels), [count, side, side, 3])));
      const data = (await features.data()) as Float32Array;
      features.dispose();
      return data;
    },
    size: isCuda(device) ? (typeof batch === 'number' ? batch : RUN.cuda) : RUN[device],
    filled: isCuda(device),
    imageBytes: pixelBytes(side),
    isOutOfMemory,
    onNotice,
  });
  return inTurn({
    description,
    side,
    dimension,
    batches,
    release: () => filters.forEach(({ kernel, bias }) => tf.dispose([kernel, bias])),
  });
}

interface Filters {
  /** [rows, columns, in, out] */
  readonly kernel: Tensor4D;
  readonly bias: Tensor1D;
}

/** By the convolution's name. */
function uploadFilters(tf: Operators, weights: EncoderWeights): Map<string, Filters> {
  return new Map(
    LAYERS.flatMap((layer) => {
      if (layer.kind !== 'convolution') return [];
      const { kernel, shape, bias } = foldConvolution(weights, layer.number);
      return [[layer.name, { kernel: tf.tensor4d(kernel, [...shape]), bias: tf.tensor1d(bias) }]];
    }),
  );
}

/** Average pools by their name. They are computed behind the 1×1 convolution that reads them: linear both, hence exact, and on fewer channels. */
const AVERAGES = new Map(LAYERS.flatMap((layer) => (layer.kind === 'average' ? [[layer.name, layer] as const] : [])));
const COMPUTED = LAYERS.filter((layer) => layer.kind !== 'average');
/** Layer → the one that reads it last. */
const LAST_READER = new Map(COMPUTED.flatMap((layer) => inputsOf(layer).map((input) => [input, layer] as const)));

function inputsOf(layer: Layer): readonly string[] {
  return layer.kind === 'concat' ? layer.inputs : [AVERAGES.get(layer.input)?.input ?? layer.input];
}

/** Pixels [n, side, side, 3], 0–255 → features [n, dimension]. */
function forward(tf: Operators, filters: ReadonlyMap<string, Filters>, pixels: Tensor4D): Tensor {
  const values = new Map<string, Tensor4D>([[INPUT, pixels]]);
  const convolve = ({ name, stride, padding }: Convolution, x: Tensor4D, activation: 'linear' | 'relu') => {
    const { kernel, bias } = filters.get(name)!;
    return tf.fused.conv2d({ x, filter: kernel, bias, strides: stride, pad: padding, activation });
  };
  for (const layer of COMPUTED) {
    const names = inputsOf(layer);
    const inputs = names.map((name) => values.get(name)!);
    if (layer.kind === 'concat') values.set(layer.name, tf.concat4d(inputs, 3));
    else if (layer.kind !== 'convolution') values.set(layer.name, tf.maxPool(inputs[0]!, 3, 2, 'valid'));
    else if (!AVERAGES.has(layer.input)) values.set(layer.name, convolve(layer, inputs[0]!, 'relu'));
    // TensorFlow does not count padding in an average.
    else
      values.set(
        layer.name,
        tf.tidy(() => tf.relu(tf.avgPool(convolve(layer, inputs[0]!, 'linear'), 3, 1, 'same'))),
      );
    // All activations of a picture are five times as large as those that are still to be read.
    for (const name of names) if (LAST_READER.get(name) === layer) values.get(name)!.dispose();
  }
  return tf.mean(values.get(OUTPUT)!, [1, 2]);
}
