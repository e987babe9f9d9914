import { Graph, type Value } from '@showtell/shared/onnx/graph';
import { openSession, type Session, Tensor } from '@showtell/shared/onnx/session';
import { type CompositeGradient, gradients } from '../../src/model/autodiff';
import { trainingCrossEntropy } from '../../src/model/cross-entropy';
import { Random } from '../../src/model/random';

type Shapes = Record<string, readonly number[]>;
interface Built {
  readonly output: Value;
  readonly composites?: readonly CompositeGradient[];
}

/** Builds `y`, and the gradients of Σ w·y for every input by the rules; their largest error against central differences. */
async function gradientError(shapes: Shapes, build: (graph: Graph) => Built, outputShape: readonly [number, number]): Promise<number> {
  const random = new Random(11);
  const values = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    ]),
  );
  const weights = Float32Array.from({ length: outputShape[0] * outputShape[1] }, () => random.normal());
  const graph = new Graph();
  for (const [name, shape] of Object.entries(shapes)) graph.input(name, 'float32', shape);
  const { output, composites } = build(graph);
  graph.input('w', 'float32', outputShape);
  const found = gradients(graph, new Map([[output, 'w']]), Object.keys(shapes), composites);
  graph.output(output, 'float32', outputShape);
  for (const [name, gradient] of found) graph.output(gradient, 'float32', shapes[name]!);

  const session = await openSession(graph.encode(), { threads: 1 });
  const run = () => runWith(session, shapes, values, weights, outputShape);
  const analytic = await run();
  let worst = 0;
  for (const [name, data] of Object.entries(values)) {
    const gradient = analytic[found.get(name)!]!.data as Float32Array;
    if (gradient.length !== data.length) throw new Error(`${name}: a gradient of ${gradient.length} for ${data.length} values`);
    for (let index = 0; index < data.length; index++) {
      const before = data[index]!;
      const loss = async (value: number) => {
        data[index] = value;
        const y = (await run())[output]!.data as Float32Array;
        return y.reduce((sum, entry, place) => sum + entry * weights[place]!, 0);
      };
      const numeric = ((await loss(before + 0.01)) - (await loss(before - 0.01))) / 0.02;
      data[index] = before;
      worst = Math.max(worst, Math.abs(gradient[index]! - numeric) / Math.max(1, Math.abs(numeric)));
    }
  }
  await session.release();
  return worst;
}

function runWith(
  session: Session,
  shapes: Shapes,
  values: Record<string, Float32Array>,
  weights: Float32Array,
  outputShape: readonly [number, number],
) {
  const tensors = Object.entries(shapes).map(([name, shape]) => [name, new Tensor('float32', values[name]!, shape)] as const);
  return session.run({ ...Object.fromEntries(tensors), w: new Tensor('float32', weights, outputShape) });
}

const TOLERANCE = 5e-3;

describe('gradient rules against central differences', () => {
  test.each(['Add', 'Mul'])('%s', async (opType) => {
    const build = (graph: Graph) => ({ output: graph.op(opType, ['a', 'b']) });
    expect(await gradientError({ a: [3, 4], b: [3, 4] }, build, [3, 4])).toBeLessThan(TOLERANCE);
  });

  test.each(['Sigmoid', 'Tanh', 'Elu'])('%s', async (opType) => {
    const build = (graph: Graph) => ({ output: graph.op(opType, ['x']) });
    expect(await gradientError({ x: [4, 5] }, build, [4, 5])).toBeLessThan(TOLERANCE);
  });

  test('Gemm, with and without an added matrix', async () => {
    const product = (graph: Graph) => ({ output: graph.op('Gemm', ['a', 'b']) });
    const sum = (graph: Graph) => ({ output: graph.op('Gemm', ['a', 'b', 'c']) });
    expect(await gradientError({ a: [3, 4], b: [4, 2] }, product, [3, 2])).toBeLessThan(TOLERANCE);
    expect(await gradientError({ a: [3, 4], b: [4, 2], c: [3, 2] }, sum, [3, 2])).toBeLessThan(TOLERANCE);
  });

  test('LayerNormalization, with and without a bias', async () => {
    const build = (bias: string[]) => (graph: Graph) => {
      const [output] = graph.ops('LayerNormalization', ['x', 'gain', ...bias], 3, { axis: 1, epsilon: { float: 1e-3 } });
      return { output: output! };
    };
    expect(await gradientError({ x: [3, 4], gain: [4] }, build([]), [3, 4])).toBeLessThan(TOLERANCE);
    expect(await gradientError({ x: [3, 4], gain: [4], bias: [4] }, build(['bias']), [3, 4])).toBeLessThan(TOLERANCE);
  });

  test('Concat, along either axis', async () => {
    const along = (axis: number) => (graph: Graph) => ({ output: graph.op('Concat', ['a', 'b'], { axis }) });
    expect(await gradientError({ a: [3, 4], b: [1, 4] }, along(0), [4, 4])).toBeLessThan(TOLERANCE);
    expect(await gradientError({ a: [3, 4], b: [3, 1] }, along(1), [3, 5])).toBeLessThan(TOLERANCE);
  });

  test('Split: pieces that are used, unused and empty', async () => {
    const build = (graph: Graph) => {
      const [first, , , last] = graph.ops('Split', ['x', graph.int([2, 1, 0, 2])], 4, { axis: 0 }) as [Value, Value, Value, Value];
      return { output: graph.op('Mul', [first, last]) };
    };
    expect(await gradientError({ x: [5, 3] }, build, [2, 3])).toBeLessThan(TOLERANCE);
  });

  test('a value that is used several times gets the sum', async () => {
    const build = (graph: Graph) => ({ output: graph.op('Add', [graph.op('Mul', ['x', 'x']), graph.op('Tanh', ['x'])]) });
    expect(await gradientError({ x: [2, 3] }, build, [2, 3])).toBeLessThan(TOLERANCE);
  });

  test.each([0, 0.3])('softmax cross-entropy as one rule, %d of it smoothed', async (smoothing) => {
    const build = (graph: Graph) => {
      const targets = graph.initializer('targets', 'int64', [4, 1], BigInt64Array.from([2n, 0n, 6n, 2n]));
      const { losses, composite } = trainingCrossEntropy(graph, { rows: 'rows', matrix: 'matrix' }, targets, {
        smoothing,
        vocabularySize: 7,
      });
      return { output: losses, composites: [composite] };
    };
    expect(await gradientError({ rows: [4, 3], matrix: [3, 7] }, build, [4, 1])).toBeLessThan(TOLERANCE);
  });

  test('a matrix that every step uses', async () => {
    const recurrence = (graph: Graph) => ({ output: recur(graph, 4) });
    expect(await gradientError({ h: [3, 3], u: [3, 3] }, recurrence, [3, 3])).toBeLessThan(TOLERANCE);
  });
});

function recur(graph: Graph, steps: number): Value {
  let h = 'h';
  for (let step = 0; step < steps; step++) h = graph.op('Tanh', [graph.op('Gemm', [h, 'u'])]);
  return h;
}

describe('the walk', () => {
  test('ends at what gradients are wanted of', () => {
    const graph = new Graph();
    const table = graph.input('table', 'float32', [5, 3]);
    const looked = graph.op('Gather', [table, 'ids'], { axis: 0 });
    const output = graph.op('Gemm', [looked, table], { transB: 1 });
    // Gather has no rule, and needs none: nothing flows through what is looked up.
    expect([...gradients(graph, new Map([[output, 'w']]), [looked]).keys()]).toEqual([looked]);
  });

  test('computes nothing for what needs no gradient', () => {
    const graph = new Graph();
    const constant = graph.input('features', 'float32', [2, 3]);
    const matrix = graph.input('matrix', 'float32', [3, 3]);
    const output = graph.op('Gemm', [graph.op('Erf', [constant]), matrix]);
    const before = graph.nodes.length;
    gradients(graph, new Map([[output, 'w']]), [matrix]);
    expect(graph.nodes.slice(before).map(({ opType }) => opType)).toEqual(['Gemm']);
  });

  test('gives a matrix that every step uses its gradient by one product', () => {
    const graph = new Graph();
    gradients(graph, new Map([[recur(graph, 4), 'w']]), ['u']);
    expect(graph.nodes.filter(({ attributes }) => attributes['transA'] === 1)).toHaveLength(1);
  });

  test('names an operator without a rule, and a value that plays no part', () => {
    const graph = new Graph();
    const x = graph.input('x', 'float32', [2, 3]);
    const y = graph.op('Erf', [x]);
    expect(() => gradients(graph, new Map([[y, 'w']]), [x])).toThrow('Expected an operator with a gradient rule but received Erf');
    const other = graph.input('other', 'float32', [1]);
    expect(() => gradients(graph, new Map([[x, 'w']]), [other])).toThrow('Expected a value that the loss depends on but received other');
  });
});
