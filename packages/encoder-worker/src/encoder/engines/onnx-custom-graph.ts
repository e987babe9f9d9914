import { ELEMENT_TYPE, Graph, type Value } from '@showtell/shared/onnx/graph';
import { wrapModel } from '@showtell/shared/onnx/model-file';
import type { CustomModel } from '../custom/custom-file';

/** No model of anybody's has such names. Only operators that are the same in every opset since 7 are used, for the model keeps its own. */
const PREFIX = 'showtell/';

/**
 * The user's model between pixels and features: `showtell/pixels` uint8 [n, side, side, 3] → `showtell/features` float32 [n, dimension].
 * The model itself is not touched.
 */
export function customGraph(custom: CustomModel): Uint8Array {
  const { model, description } = custom;
  return wrapModel(model, description.input.name, before(custom), after(custom));
}

/** Bytes are reordered before they become four times as many. */
function before({ description, input, batch }: CustomModel): Graph {
  const { side, layout, colours, scale, offset, name } = description.input;
  const graph = new Graph(PREFIX);
  let value = graph.input(`${PREFIX}pixels`, 'uint8', [batch ?? `${PREFIX}n`, side, side, 3]);
  if (colours === 'bgr') value = graph.op('Gather', [value, graph.int([2, 1, 0])], { axis: 3 });
  if (layout === 'nchw') value = graph.op('Transpose', [value], { perm: [0, 3, 1, 2] });
  const channels = (numbers: readonly number[]): Value =>
    graph.initializer(`${PREFIX}${numbers.join(',')}`, 'float32', layout === 'nchw' ? [3, 1, 1] : [3], Float32Array.from(numbers));
  value = graph.op('Cast', [value], { to: ELEMENT_TYPE.float32 });
  value = graph.op('Mul', [value, channels(scale)]);
  value = graph.op('Add', [value, channels(offset)]);
  // Computed in float32 whatever the model takes: a byte times its scale has more digits than float16.
  graph.op('Cast', [value], { to: ELEMENT_TYPE[input.type] }, { output: name });
  return graph;
}

function after({ description, output, batch }: CustomModel): Graph {
  const { pooling, dimension, name } = description.output;
  const graph = new Graph(`${PREFIX}after/`);
  let value = graph.op('Cast', [name], { to: ELEMENT_TYPE.float32 });
  if (pooling === 'first-token') value = graph.op('Gather', [value, graph.int(0)], { axis: 1 });
  if (pooling === 'mean') {
    // Channels go in front of what is averaged: tokens [n, t, c] have them last, maps as the model's input has them.
    if (output.shape?.length === 3) value = graph.op('Transpose', [value], { perm: [0, 2, 1] });
    else if (description.input.layout === 'nhwc') value = graph.op('Transpose', [value], { perm: [0, 3, 1, 2] });
    value = graph.op('GlobalAveragePool', [value]);
  }
  graph.op('Flatten', [value], { axis: 1 }, { output: `${PREFIX}features` });
  graph.output(`${PREFIX}features`, 'float32', [batch ?? `${PREFIX}n`, dimension]);
  return graph;
}
