import { EPSILON, INPUT, LAYERS, OUTPUT } from '../src/encoder/inception-v3';
import { type EncoderWeights, INPUT_SCALING } from '../src/encoder/weights/tensors';

/** Rows × columns × channels, float64. */
interface Picture {
  readonly rows: number;
  readonly columns: number;
  readonly channels: number;
  readonly data: Float64Array;
}

/**
 * InceptionV3 of one picture in plain float64 loops, step by step as Keras defines it: nothing is folded, moved or fused.
 * Slow; meant for narrow weights. Returns the feature.
 */
export function referenceFeature(weights: EncoderWeights, pixels: Uint8Array, side = 299): Float64Array {
  const { scale, offset } = INPUT_SCALING[weights.input];
  const input = { rows: side, columns: side, channels: 3, data: Float64Array.from(pixels, (value) => value * scale + offset) };
  const pictures = new Map<string, Picture>([[INPUT, input]]);
  for (const layer of LAYERS) {
    if (layer.kind === 'concat') pictures.set(layer.name, concat(layer.inputs.map((name) => pictures.get(name)!)));
    else if (layer.kind !== 'convolution') pictures.set(layer.name, pool(layer.kind, pictures.get(layer.input)!));
    else {
      const of = weights.convolutions[layer.number - 1]!;
      const result = convolve(pictures.get(layer.input)!, of, layer.stride, layer.padding);
      for (let index = 0; index < result.data.length; index++) {
        const filter = index % result.channels;
        const normal = (result.data[index]! - of.movingMean[filter]!) / Math.sqrt(of.movingVariance[filter]! + EPSILON);
        result.data[index] = Math.max(0, normal * (of.gamma?.[filter] ?? 1) + of.beta[filter]!);
      }
      pictures.set(layer.name, result);
    }
  }
  const { rows, columns, channels, data } = pictures.get(OUTPUT)!;
  const feature = new Float64Array(channels);
  for (let index = 0; index < data.length; index++) feature[index % channels]! += data[index]! / (rows * columns);
  return feature;
}

function convolve(
  { rows, columns, channels, data }: Picture,
  { kernel, shape: [height, width, , filters] }: EncoderWeights['convolutions'][number],
  stride: number,
  padding: 'same' | 'valid',
): Picture {
  const [top, left] = padding === 'same' ? [(height - 1) / 2, (width - 1) / 2] : [0, 0];
  const outRows = Math.floor((rows + 2 * top - height) / stride) + 1;
  const outColumns = Math.floor((columns + 2 * left - width) / stride) + 1;
  const result = new Float64Array(outRows * outColumns * filters);
  for (let y = 0; y < outRows; y++)
    for (let x = 0; x < outColumns; x++)
      for (let ky = 0; ky < height; ky++)
        for (let kx = 0; kx < width; kx++) {
          const [row, column] = [y * stride - top + ky, x * stride - left + kx];
          if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
          for (let channel = 0; channel < channels; channel++) {
            const value = data[(row * columns + column) * channels + channel]!;
            const from = ((ky * width + kx) * channels + channel) * filters;
            const to = (y * outColumns + x) * filters;
            for (let filter = 0; filter < filters; filter++) result[to + filter]! += value * kernel[from + filter]!;
          }
        }
  return { rows: outRows, columns: outColumns, channels: filters, data: result };
}

function pool(kind: 'max' | 'average', { rows, columns, channels, data }: Picture): Picture {
  const [stride, border] = kind === 'max' ? [2, 0] : [1, 1];
  const outRows = Math.floor((rows + 2 * border - 3) / stride) + 1;
  const outColumns = Math.floor((columns + 2 * border - 3) / stride) + 1;
  const result = new Float64Array(outRows * outColumns * channels);
  for (let y = 0; y < outRows; y++)
    for (let x = 0; x < outColumns; x++)
      for (let channel = 0; channel < channels; channel++) {
        const seen: number[] = [];
        for (let row = y * stride - border; row < y * stride - border + 3; row++)
          for (let column = x * stride - border; column < x * stride - border + 3; column++)
            if (row >= 0 && row < rows && column >= 0 && column < columns) seen.push(data[(row * columns + column) * channels + channel]!);
        result[(y * outColumns + x) * channels + channel] =
          kind === 'max' ? Math.max(...seen) : seen.reduce((sum, value) => sum + value, 0) / seen.length;
      }
  return { rows: outRows, columns: outColumns, channels, data: result };
}

function concat(pictures: readonly Picture[]): Picture {
  const { rows, columns } = pictures[0]!;
  const channels = pictures.reduce((sum, picture) => sum + picture.channels, 0);
  const data = new Float64Array(rows * columns * channels);
  let offset = 0;
  for (const picture of pictures) {
    for (let place = 0; place < rows * columns; place++)
      data.set(picture.data.subarray(place * picture.channels, (place + 1) * picture.channels), place * channels + offset);
    offset += picture.channels;
  }
  return { rows, columns, channels, data };
}
