import { pixelBytes, SIDE } from '@showtell/shared/image/limits';
import type { Graph, GraphNode } from '@showtell/shared/onnx/graph';
import { openSession, Tensor } from '@showtell/shared/onnx/session';
import { float16Graph } from '../../../src/encoder/engines/onnx-float16-graph';
import { foldConvolution } from '../../../src/encoder/fold';
import { collectWeights } from '../../../src/encoder/weights/tensors';
import { narrowEncoderWeights, narrowTensors } from '../../narrow-weights';
import { referenceFeature } from '../../reference';
import { pictures } from './contract';

const weights = narrowEncoderWeights(5);

const CHANNELS_FIRST = [0, 3, 1, 2];
const CHANNELS_LAST = [0, 2, 3, 1];

/**
 * The same numbers on a CPU, which has no operators for channels last: each becomes ONNX's own between transposes, of filters too.
 * What is float16 stays so between any two operators.
 */
function portable(graph: Graph): Uint8Array {
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    if (node.domain === '') return [node];
    const [output] = node.outputs as [string];
    const transpose = (input: string, to: string, perm: readonly number[]): GraphNode => ({
      opType: 'Transpose',
      domain: '',
      inputs: [input],
      outputs: [to],
      attributes: { perm },
    });
    return [
      ...node.inputs.map((input, index) => transpose(input, `${output}/${index}`, CHANNELS_FIRST)),
      {
        ...node,
        opType: node.opType.replace('Nhwc', ''),
        domain: '',
        inputs: node.inputs.map((_, index) => `${output}/${index}`),
        outputs: [`${output}/first`],
      },
      transpose(`${output}/first`, output, CHANNELS_LAST),
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

test('channels are last all the way', () => {
  const { nodes } = float16Graph(weights);
  const count = (opType: string) => nodes.filter((node) => node.opType === opType).length;
  expect([count('NhwcConv'), count('Add'), count('Conv'), count('Transpose')]).toEqual([94, 94, 0, 0]);
  expect([count('MaxPool'), count('AveragePool')]).toEqual([4, 9]);
  expect(new Set(nodes.filter(({ opType }) => opType.endsWith('Pool')).map(({ domain }) => domain))).toEqual(
    new Set(['com.ms.internal.nhwc']),
  );
  // Operators that CUDA has no float16 kernel for would be refused when the session is opened.
  expect(new Set(nodes.map(({ opType }) => opType))).toEqual(
    new Set(['Cast', 'NhwcConv', 'Add', 'Relu', 'MaxPool', 'AveragePool', 'Concat', 'ReduceMean']),
  );
});

test('onnxruntime knows all operators of the graph, also where it has none of them for the machine', async () => {
  await expect(openSession(float16Graph(weights).encode(), { threads: 1, spinning: false })).rejects.toThrow(
    /(Failed to find kernel|Could not find an implementation) for (com.microsoft.NhwcConv|MaxPool|AveragePool)\(/,
  );
});

test('what rounding takes from a weight is given to the next: the weights of a filter keep their sum', () => {
  const graph = float16Graph(weights);
  const numberOf = (bits: number) => {
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  };
  for (const layer of [1, 30, 94]) {
    const { kernel, shape } = foldConvolution(weights, layer);
    const filters = shape[3];
    const { data } = graph.initializers.find(({ name }) => name === `conv2d_${layer}/kernel`)!;
    const halves = Array.from(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2), numberOf);
    const each = kernel.length / filters;
    for (let filter = 0; filter < filters; filter++) {
      const own = Array.from({ length: each }, (_, index) => kernel[index * filters + filter]!);
      const given = halves.slice(filter * each, (filter + 1) * each);
      const sum = (numbers: readonly number[]) => numbers.reduce((all, number) => all + number, 0);
      // Half a step of the largest weight is owed at the end, however many there are.
      const step = Math.max(...own.map(Math.abs)) * 2 ** -10;
      expect(Math.abs(sum(given) - sum(own))).toBeLessThanOrEqual(step);
      own.forEach((weight, index) => expect(Math.abs(given[index]! - weight)).toBeLessThanOrEqual(2 * step));
    }
  }
});

test('weights beyond float16 are refused, naming the convolution', () => {
  const tensors = narrowTensors(5);
  const { shape, data } = tensors.get('conv2d_3/kernel')!;
  tensors.set('conv2d_3/kernel', { shape, data: data.map((value) => value * 1e6) });
  const large = collectWeights((layer, variable) => tensors.get(`${layer}/${variable}`), 'x/127.5-1', 'large');
  expect(() => float16Graph(large)).toThrow(/Expected weights within ±65504 for float16 but conv2d_3/);
});
