import { ShowtellError } from '@showtell/shared/errors';
import { SIDE } from '@showtell/shared/image/limits';
import { toFloat16 } from '@showtell/shared/onnx/float16';
import { ELEMENT_TYPE, Graph, type Value } from '@showtell/shared/onnx/graph';
import { type FoldedConvolution, foldConvolution } from '../fold';
import { type Convolution, INPUT, LAYERS, OUTPUT, type Pool, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import { convolutionAttributes } from './onnx-convolution';

/**
 * The float16 graph for CUDA: `pixels` uint8 [n, 299, 299, 3] → `features` float32 [n, dimension].
 * Tensor cores want channels last, and onnxruntime's own convolution takes pixels and filters as they lie; its pools do not, so each
 * stands between two transposes. The last mean is taken in float32.
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
  return graph.op(
    'NhwcConv',
    [
      input,
      graph.initializer(`conv2d_${number}/kernel`, 'float16', [filters, height, width, channels], halves(filtersFirst(folded), number)),
      graph.initializer(`conv2d_${number}/bias`, 'float16', [filters], halves(folded.bias, number)),
    ],
    convolutionAttributes(layer),
    { domain: 'com.microsoft' },
  );
}

function pool(graph: Graph, { kind }: Pool, input: Value): Value {
  const channelsFirst = graph.op('Transpose', [input], { perm: [0, 3, 1, 2] });
  const pooled =
    kind === 'max'
      ? graph.op('MaxPool', [channelsFirst], { kernel_shape: [3, 3], strides: [2, 2] })
      : graph.op('AveragePool', [channelsFirst], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 });
  return graph.op('Transpose', [pooled], { perm: [0, 2, 3, 1] });
}

/** [rows, columns, in, out] → [out, rows, columns, in]. */
function filtersFirst({ kernel, shape }: FoldedConvolution): Float32Array {
  const filters = shape[3];
  const each = kernel.length / filters;
  const result = new Float32Array(kernel.length);
  for (let index = 0; index < kernel.length; index++) result[(index % filters) * each + Math.floor(index / filters)] = kernel[index]!;
  return result;
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
