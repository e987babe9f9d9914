import { SIDE } from '@showtell/shared/image/limits';
import { Graph, type Value } from '@showtell/shared/onnx/graph';
import { type FoldedConvolution, foldConvolution } from '../fold';
import { type Convolution, INPUT, LAYERS, OUTPUT, type Pool, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import { convolutionAttributes, filtersFirst } from './onnx-convolution';

/**
 * The float32 graph: `pixels` uint8 [n, 299, 299, 3] → `features` float32 [n, dimension].
 * @param taps layers whose output ([n, channels, rows, columns]) the graph gives as well, to find where a difference begins.
 */
export function encoderGraph(weights: EncoderWeights, taps: readonly string[] = []): Uint8Array {
  const graph = new Graph();
  const values = addEncoder(graph, weights);
  for (const layer of LAYERS)
    if (layer.kind === 'average' && taps.includes(layer.name)) values.set(layer.name, pool(graph, layer, values.get(layer.input)!));

  graph.op('Flatten', [graph.op('GlobalAveragePool', [values.get(OUTPUT)!])], { axis: 1 }, { output: 'features' });
  graph.output('features', 'float32', ['n', weights.dimension]);
  for (const tap of taps) {
    graph.op('Identity', [values.get(tap)!], {}, { output: tap });
    graph.output(tap, 'float32', ['n', `${tap}.channels`, `${tap}.rows`, `${tap}.columns`]);
  }
  return graph.encode();
}

/** Name under which `addEncoder` gives what goes into an average pool: a convolution's output before pool and ReLU. */
export const unpooled = (convolution: string): string => `${convolution}/unpooled`;

/**
 * Adds the input `pixels` and every layer but the average pools, which have moved behind the convolution that reads them.
 * @returns each layer's output, float32 [n, channels, rows, columns], by name.
 */
export function addEncoder(graph: Graph, weights: EncoderWeights): Map<string, Value> {
  const pixels = graph.input('pixels', 'uint8', ['n', SIDE, SIDE, 3]);
  const values = new Map<string, Value>();
  // Bytes are transposed before they become four times as many.
  values.set(INPUT, graph.op('Cast', [graph.op('Transpose', [pixels], { perm: [0, 3, 1, 2] })], { to: 1 }));
  for (const layer of LAYERS) {
    if (layer.kind === 'convolution') {
      const average = pooledBy(layer);
      let value = convolve(graph, layer, foldConvolution(weights, layer.number), values.get(average?.input ?? layer.input)!);
      if (average) {
        values.set(unpooled(layer.name), value);
        value = pool(graph, average, value);
      }
      values.set(layer.name, graph.op('Relu', [value]));
    } else if (layer.kind === 'concat')
      values.set(
        layer.name,
        graph.op(
          'Concat',
          layer.inputs.map((input) => values.get(input)!),
          { axis: 1 },
        ),
      );
    else if (layer.kind === 'max') values.set(layer.name, pool(graph, layer, values.get(layer.input)!));
  }
  return values;
}

function convolve(graph: Graph, layer: Convolution, folded: FoldedConvolution, input: Value): Value {
  const { number } = layer;
  const [height, width, channels, filters] = folded.shape;
  return graph.op(
    'Conv',
    [
      input,
      graph.initializer(`conv2d_${number}/kernel`, 'float32', [filters, channels, height, width], filtersFirst(folded)),
      graph.initializer(`conv2d_${number}/bias`, 'float32', [filters], folded.bias),
    ],
    convolutionAttributes(layer),
  );
}

function pool(graph: Graph, { kind }: Pool, input: Value): Value {
  return kind === 'max'
    ? graph.op('MaxPool', [input], { kernel_shape: [3, 3], strides: [2, 2] })
    : graph.op('AveragePool', [input], { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], count_include_pad: 0 });
}
