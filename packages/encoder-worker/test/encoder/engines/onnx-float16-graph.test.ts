import { pixelBytes, SIDE } from '@showtell/shared/image/limits';
import type { Graph, GraphNode } from '@showtell/shared/onnx/graph';
import { openSession, Tensor } from '@showtell/shared/onnx/session';
import { float16Graph } from '../../../src/encoder/engines/onnx-float16-graph';
import { collectWeights } from '../../../src/encoder/weights/tensors';
import { narrowEncoderWeights, narrowTensors } from '../../narrow-weights';
import { referenceFeature } from '../../reference';
import { pictures } from './contract';

const weights = narrowEncoderWeights(5);

/**
 * The same numbers on a CPU, which has no `NhwcConv`: each becomes ONNX's own convolution between transposes of pixels and filters.
 * What is float16 stays so between any two operators.
 */
function portable(graph: Graph): Uint8Array {
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    if (node.opType !== 'NhwcConv') return [node];
    const [pixels, filters, bias] = node.inputs as [string, string, string];
    const [output] = node.outputs as [string];
    const transpose = (input: string, to: string, perm: readonly number[]): GraphNode => ({
      opType: 'Transpose',
      domain: '',
      inputs: [input],
      outputs: [to],
      attributes: { perm },
    });
    return [
      transpose(pixels, `${output}/pixels`, [0, 3, 1, 2]),
      transpose(filters, `${output}/filters`, [0, 3, 1, 2]),
      { ...node, opType: 'Conv', domain: '', inputs: [`${output}/pixels`, `${output}/filters`, bias], outputs: [`${output}/convolved`] },
      transpose(`${output}/convolved`, output, [0, 2, 3, 1]),
    ];
  });
  graph.nodes.splice(0, graph.nodes.length, ...nodes);
  return graph.encode();
}

test('features are within 2e-3 of float64, relative to their length', async () => {
  const session = await openSession(portable(float16Graph(weights)), { threads: 1, spinning: false });
  const count = 3;
  const pixels = pictures(count);
  const { features } = await session.run({ pixels: new Tensor('uint8', pixels, [count, SIDE, SIDE, 3]) });
  await session.release();
  expect(features!.dims).toEqual([count, weights.dimension]);
  const actual = features!.data as Float32Array;
  for (let image = 0; image < count; image++) {
    const expected = referenceFeature(weights, pixels.subarray(image * pixelBytes(SIDE), (image + 1) * pixelBytes(SIDE)));
    const [squares, errors] = expected.reduce(
      ([all, wrong], value, index) => [all! + value ** 2, wrong! + (actual[image * weights.dimension + index]! - value) ** 2],
      [0, 0],
    ) as [number, number];
    const relative = Math.sqrt(errors / squares);
    expect(relative).toBeLessThan(2e-3);
    // Rounded to 11 bits on its way it cannot be as near as float32: the numbers were float16.
    expect(relative).toBeGreaterThan(1e-5);
  }
});

test('every convolution has its channels last, and only pools are transposed', () => {
  const { nodes } = float16Graph(weights);
  const count = (opType: string) => nodes.filter((node) => node.opType === opType).length;
  expect(count('NhwcConv')).toBe(94);
  expect(count('Conv')).toBe(0);
  expect([count('MaxPool'), count('AveragePool')]).toEqual([4, 9]);
  expect(count('Transpose')).toBe(2 * (4 + 9));
  // Operators that CUDA has no float16 kernel for would be refused when the session is opened.
  expect(new Set(nodes.map(({ opType }) => opType))).toEqual(
    new Set(['Cast', 'NhwcConv', 'Relu', 'Transpose', 'MaxPool', 'AveragePool', 'Concat', 'ReduceMean']),
  );
});

test('weights beyond float16 are refused, naming the convolution', () => {
  const tensors = narrowTensors(5);
  const { shape, data } = tensors.get('conv2d_3/kernel')!;
  tensors.set('conv2d_3/kernel', { shape, data: data.map((value) => value * 1e6) });
  const large = collectWeights((layer, variable) => tensors.get(`${layer}/${variable}`), 'x/127.5-1', 'large');
  expect(() => float16Graph(large)).toThrow(/Expected weights within ±65504 for float16 but conv2d_3/);
});
