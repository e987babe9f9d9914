import { Graph } from '@showtell/shared/onnx/graph';
import { SessionThreads } from '../../../src/encoder/engines/session-threads';

const SIDE = 2;
const IMAGE = SIDE * SIDE * 3;

/** uint8 [n, 2, 2, 3] → the sum of each channel. */
function sums(): Uint8Array {
  const graph = new Graph();
  const pixels = graph.op('Cast', [graph.input('pixels', 'uint8', ['n', SIDE, SIDE, 3])], { to: 1 });
  graph.op('ReduceSum', [pixels, graph.int([1, 2])], { keepdims: 0 }, { output: 'features' });
  graph.output('features', 'float32', ['n', 3]);
  return graph.encode();
}

describe('SessionThreads', () => {
  test('gives features in the order of the images, however they are shared out', async () => {
    const threads = await SessionThreads.open(sums(), { sessions: 3, threads: 1, side: SIDE });
    const pixels = Uint8Array.from({ length: 8 * IMAGE }, (_, index) => (index * 37) % 251);
    const expected = Array.from({ length: 8 }, (_, image) =>
      [0, 1, 2].map((channel) => [0, 3, 6, 9].reduce((sum, place) => sum + pixels[image * IMAGE + place + channel]!, 0)),
    );
    for (const count of [3, 4, 5, 8, 1])
      expect(await threads.compute(pixels.subarray(0, count * IMAGE), count)).toEqual(Float32Array.from(expected.slice(0, count).flat()));
    // What was sent was a copy.
    expect(pixels[1]).toBe(37);
    await threads.release();
  });

  test('says why a session cannot be opened or run, and goes on', async () => {
    await expect(SessionThreads.open(Uint8Array.of(1, 2, 3), { sessions: 2, threads: 1, side: SIDE })).rejects.toThrow(/model|protobuf/i);
    const threads = await SessionThreads.open(sums(), { sessions: 2, threads: 1, side: SIDE });
    await expect(threads.compute(new Uint8Array(2 * IMAGE - 2), 2)).rejects.toThrow(/dimension|shape|size|length/i);
    expect(await threads.compute(new Uint8Array(2 * IMAGE), 2)).toEqual(new Float32Array(6));
    await threads.release();
  });
});
