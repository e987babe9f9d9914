import { SIDE } from '@showtell/shared/image/limits';
import { Graph, type Value } from '@showtell/shared/onnx/graph';
import { type Convolution, INPUT, LAYERS, layerSides, OUTPUT, pooledBy } from '../inception-v3';
import type { Int8Convolution, Int8Weights } from '../int8/int8-weights';
import { convolutionAttributes, filtersFirst } from './onnx-convolution';

/** onnxruntime's own operators; these read and write [n, rows, columns, channels], and fast: there is nothing to be transposed. */
const OWN = { domain: 'com.microsoft' };

/**
 * The integer graph: `pixels` uint8 [n, 299, 299, 3] → `features` float32 [n, dimension]. Levels (uint8) run through it, whose steps
 * are folded into the convolutions' scales, channel by channel: so a concat is a copy of bytes. Floats begin at the last mean.
 */
export function int8EncoderGraph({ convolutions, dimension }: Int8Weights): Uint8Array {
  const graph = new Graph();
  const sides = layerSides(SIDE);
  const values = new Map<string, Value>([[INPUT, graph.input('pixels', 'uint8', ['n', SIDE, SIDE, 3])]]);
  for (const layer of LAYERS) {
    if (layer.kind === 'convolution') {
      const convolution = convolutions[layer.number - 1]!;
      const average = pooledBy(layer);
      let value = convolve(graph, layer, convolution, values.get(average?.input ?? layer.input)!);
      if (convolution.unpooled) value = averagePool(graph, value, convolution.shape[3], convolution.unpooled, sides.get(layer.name)!);
      values.set(layer.name, value);
    } else if (layer.kind === 'max')
      values.set(layer.name, graph.op('NhwcMaxPool', [values.get(layer.input)!], { kernel_shape: [3, 3], strides: [2, 2] }, OWN));
    else if (layer.kind === 'concat' && layer.name !== OUTPUT)
      values.set(
        layer.name,
        graph.op(
          'Concat',
          layer.inputs.map((input) => values.get(input)!),
          { axis: 3 },
        ),
      );
  }
  addFeatures(graph, values, convolutions);
  graph.output('features', 'float32', ['n', dimension]);
  return graph.encode();
}

function convolve(graph: Graph, layer: Convolution, convolution: Int8Convolution, input: Value): Value {
  const { number } = layer;
  const [height, width, channels, filters] = convolution.shape;
  const name = `conv2d_${number}`;
  return graph.op(
    'QLinearConv',
    [
      input,
      graph.float(1),
      level(graph, 0),
      graph.initializer(`${name}/kernel`, 'int8', [filters, channels, height, width], filtersFirst(convolution)),
      graph.initializer(`${name}/scale`, 'float32', [filters], convolution.scale),
      graph.initializer(`zeros:${filters}`, 'int8', [filters], new Int8Array(filters)),
      graph.float(1),
      level(graph, convolution.unpooled?.zero ?? 0),
      graph.initializer(`${name}/bias`, 'int32', [filters], convolution.bias),
    ],
    { ...convolutionAttributes(layer), channels_last: 1 },
    OWN,
  );
}

/**
 * 3×3 average and ReLU of levels of either sign. onnxruntime's quantised average pool takes a third of the whole time, so it is a
 * depthwise convolution by ninths. At the border fewer than nine are there: their sum is 9/6 and, in corners, 9/4 of that larger.
 */
function averagePool(
  graph: Graph,
  input: Value,
  channels: number,
  { step, zero }: NonNullable<Int8Convolution['unpooled']>,
  side: number,
): Value {
  const ninths = graph.op(
    'QLinearConv',
    [
      input,
      graph.float(step),
      level(graph, zero),
      graph.initializer(`ones:${channels}`, 'int8', [channels, 1, 3, 3], new Int8Array(channels * 9).fill(1)),
      graph.float(1 / 9),
      graph.initializer('zero weight', 'int8', [], new Int8Array(1)),
      graph.float(1),
      level(graph, 0),
    ],
    { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], group: channels, channels_last: 1 },
    OWN,
  );
  // Halves: 2 within, 3 at an edge (9/6), so that products are quarters.
  const halves = (place: number) => (place === 0 || place === side - 1 ? 3 : 2);
  const border = Uint8Array.from({ length: side * side }, (_, index) => halves(index % side) * halves(Math.floor(index / side)));
  return graph.op(
    'QLinearMul',
    [
      ninths,
      graph.float(1),
      level(graph, 0),
      graph.initializer(`border:${side}`, 'uint8', [1, side, side, 1], border),
      graph.float(1 / 4),
      level(graph, 0),
      graph.float(1),
      level(graph, 0),
    ],
    {},
    OWN,
  );
}

/** The mean of every channel in float32: of each branch's levels, then by its step. Concatenating 2,048 means is quicker than all levels. */
function addFeatures(graph: Graph, values: ReadonlyMap<string, Value>, convolutions: readonly Int8Convolution[]): void {
  const branches = LAYERS.flatMap((layer) => (layer.kind === 'concat' && layer.name === OUTPUT ? layer.inputs : []));
  const means = branches.map((branch) => {
    const levels = graph.op('DequantizeLinear', [values.get(branch)!, graph.float(1), level(graph, 0)]);
    return graph.op('ReduceMean', [levels], { axes: [1, 2], keepdims: 0 });
  });
  const numbers = new Map(LAYERS.flatMap((layer) => (layer.kind === 'convolution' ? [[layer.name, layer.number] as const] : [])));
  const steps = branches.flatMap((branch) => [...convolutions[numbers.get(branch)! - 1]!.step]);
  const step = graph.initializer('steps', 'float32', [steps.length], Float32Array.from(steps));
  graph.op('Mul', [graph.op('Concat', means, { axis: 1 }), step], {}, { output: 'features' });
}

const level = (graph: Graph, value: number): Value => graph.initializer(`level:${value}`, 'uint8', [], Uint8Array.of(value));
