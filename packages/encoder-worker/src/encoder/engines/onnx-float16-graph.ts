import { ShowtellError } from '@showtell/shared/errors';
import { SIDE } from '@showtell/shared/image/limits';
import { toFloat16 } from '@showtell/shared/onnx/float16';
import { ELEMENT_TYPE, Graph, type Value } from '@showtell/shared/onnx/graph';
import { type FoldedConvolution, foldConvolution } from '../fold';
import { type Convolution, INPUT, LAYERS, OUTPUT, type Pool, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import { convolutionAttributes } from './onnx-convolution';

/** ONNX's operators for channels last, which onnxruntime itself puts in the place of ONNX's own where that is asked for. */
const CHANNELS_LAST = 'com.ms.internal.nhwc';

/**
 * The float16 graph for CUDA: `pixels` uint8 [n, 299, 299, 3] → `features` float32 [n, dimension]. Tensor cores want channels last,
 * all the way. The bias is added after the convolution, which on its own takes half as long again to do so. The last mean is taken in
 * float32.
 * @throws ShowtellError `WEIGHTS_INVALID` when a weight is beyond float16's 65504.
 */
export function float16Graph(weights: EncoderWeights): Graph {
  const graph = new Graph();
  const pixels = graph.input('pixels', 'uint8', ['n', SIDE, SIDE, 3]);
  const values = new Map<string, Value>([[INPUT, graph.op('Cast', [pixels], { to: ELEMENT_TYPE.float16 })]]);
  for (const layer of LAYERS) {
    if (layer.kind === 'convolution') {
      const average = pooledBy(layer);
      const convolved = convolve(graph, layer, foldConvolution(weights, layer.number), values.get(average?.input ?? layer.input)!);
      values.set(layer.name, graph.op('Relu', [average ? pool(graph, average, convolved) : convolved]));
    } else if (layer.kind === 'concat')
      values.set(
        layer.name,
        graph.op(
          'Concat',
          layer.inputs.map((input) => values.get(input)!),
          { axis: 3 },
        ),
      );
    else if (layer.kind === 'max') values.set(layer.name, pool(graph, layer, values.get(layer.input)!));
  }
  const last = graph.op('Cast', [values.get(OUTPUT)!], { to: ELEMENT_TYPE.float32 });
  graph.op('ReduceMean', [last], { axes: [1, 2], keepdims: 0 }, { output: 'features' });
  graph.output('features', 'float32', ['n', weights.dimension]);
  return graph;
}

function convolve(graph: Graph, layer: Convolution, folded: FoldedConvolution, input: Value): Value {
  const { number } = layer;
  const [height, width, channels, filters] = folded.shape;
  const convolved = graph.op(
    'NhwcConv',
    [
      input,
      graph.initializer(`conv2d_${number}/kernel`, 'float16', [filters, height, width, channels], halves(filtersFirst(folded), number)),
    ],
    convolutionAttributes(layer),
    { domain: 'com.microsoft' },
  );
  return graph.op('Add', [convolved, graph.initializer(`conv2d_${number}/bias`, 'float16', [filters], halves(folded.bias, number))]);
}

function pool(graph: Graph, { kind }: Pool, input: Value): Value {
  const [opType, attributes] =
    kind === 'max'
      ? (['MaxPool', { kernel_shape: [3, 3], strides: [2, 2] }] as const)
      : (['AveragePool', { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 }] as const);
  return graph.op(opType, [input], attributes, { domain: CHANNELS_LAST });
}

/**
 * [rows, columns, in, out] → [out, rows, columns, in], in numbers that float16 has. What rounding took from a weight is given to the
 * filter's next one: what they are multiplied by is never negative, so that errors of one sign would add up.
 */
function filtersFirst({ kernel, shape }: FoldedConvolution): Float32Array {
  const filters = shape[3];
  const each = kernel.length / filters;
  const result = new Float32Array(kernel.length);
  const owed = new Float64Array(filters);
  for (let index = 0; index < kernel.length; index++) {
    const filter = index % filters;
    const wanted = kernel[index]! + owed[filter]!;
    const given = (result[filter * each + Math.floor(index / filters)] = elevenBits(wanted));
    owed[filter] = wanted - given;
  }
  return result;
}

/** Rounded to the 11 bits of float16's normal numbers. */
function elevenBits(value: number): number {
  const far = value * (2 ** 42 + 1);
  return far - (far - value);
}

const INFINITE = 0x7c00;

function halves(values: Float32Array, number: number): Uint16Array {
  const bits = toFloat16(values);
  const beyond = bits.findIndex((half) => (half & INFINITE) === INFINITE);
  if (beyond >= 0)
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected weights within ±65504 for float16 but conv2d_${number}, with its batch-norm folded in, has ${values[beyond]}`,
      { hint: 'Use float32 for these weights.' },
    );
  return bits;
}
