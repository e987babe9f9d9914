import { Graph } from '../../src/onnx/graph';
import { openSession, Tensor } from '../../src/onnx/session';

test('a built graph runs in onnxruntime', async () => {
  const graph = new Graph();
  const x = graph.input('x', 'float32', ['n', 2]);
  graph.op('Add', [x, graph.float([1, 2])], {}, { output: 'y' });
  graph.output('y', 'float32', ['n', 2]);
  const session = await openSession(graph.encode());
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) });
  expect([...(y!.data as Float32Array)]).toEqual([2, 4, 4, 6]);
  await session.release();
});
