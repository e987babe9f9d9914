import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Graph } from '@showtell/shared/onnx/graph';

export interface CustomEncoderOptions {
  readonly side?: number;
  readonly dimension?: number;
  readonly layout?: 'nchw' | 'nhwc';
  /** Type of input and output. */
  readonly type?: 'float32' | 'float16';
  /** Default: any. */
  readonly batch?: number;
  /** What the model gives: a feature, tokens [n, t, c] of which the first is apart, or a map in its layout. */
  readonly gives?: 'feature' | 'tokens' | 'map';
  /** Something that all numbers are multiplied by. */
  readonly factor?: number;
}

/** Rows and columns of the model's map. */
const CELLS = 2;

/**
 * A small encoder of somebody else: a convolution of one large stride over input `image`, so that each cell of the map is what
 * `expectedMap` says. Output `out`. The kernel is ±1 in a pattern that tells channels and places apart.
 */
export function customModel(options: CustomEncoderOptions = {}): Uint8Array {
  const { side = 32, dimension = 5, layout = 'nchw', type = 'float32', batch, gives = 'feature', factor = 1 } = options;
  const graph = new Graph();
  const size = side / CELLS;
  let value = graph.input('image', type, [batch ?? 'batch', ...(layout === 'nchw' ? [3, side, side] : [side, side, 3])]);
  value = graph.op('Cast', [value], { to: 1 });
  if (layout === 'nhwc') value = graph.op('Transpose', [value], { perm: [0, 3, 1, 2] });
  const kernel = Float32Array.from({ length: dimension * 3 * size * size }, (_, index) => (factor * kernelAt(index)) / (size * size));
  value = graph.op('Conv', [value, graph.initializer('kernel', 'float32', [dimension, 3, size, size], kernel)], { strides: [size, size] });
  // [n, dimension, 2, 2]
  if (gives === 'feature') value = graph.op('Flatten', [graph.op('GlobalAveragePool', [value], {}, { output: 'map' })], { axis: 1 });
  if (gives === 'tokens') value = graph.op('Transpose', [graph.op('Reshape', [value, graph.int([0, dimension, -1])])], { perm: [0, 2, 1] });
  if (gives === 'map' && layout === 'nhwc') value = graph.op('Transpose', [value], { perm: [0, 2, 3, 1] });
  const shape = {
    feature: [dimension],
    tokens: [CELLS * CELLS, dimension],
    map: layout === 'nchw' ? [dimension, CELLS, CELLS] : [CELLS, CELLS, dimension],
  };
  graph.op('Cast', [value], { to: type === 'float32' ? 1 : 10 }, { output: 'out' });
  graph.output('out', type, [batch ?? 'batch', ...shape[gives]]);
  return graph.encode();
}

const kernelAt = (index: number) => (((index * 7) % 11) + ((index * 3) % 5) - 7) / 4;

/** What the model makes of one picture whose channels are `pixel` as the model should see them: [cells, dimension]. */
export function expectedMap(
  { side = 32, dimension = 5, factor = 1 }: CustomEncoderOptions,
  pixel: (channel: number, row: number, column: number) => number,
): number[][] {
  const size = side / CELLS;
  return Array.from({ length: CELLS * CELLS }, (_, cell) => {
    const [top, left] = [Math.floor(cell / CELLS) * size, (cell % CELLS) * size];
    return Array.from({ length: dimension }, (_number, filter) => {
      let sum = 0;
      for (let channel = 0; channel < 3; channel++)
        for (let row = 0; row < size; row++)
          for (let column = 0; column < size; column++)
            sum += kernelAt(((filter * 3 + channel) * size + row) * size + column) * pixel(channel, top + row, left + column);
      return (factor * sum) / (size * size);
    });
  });
}

/** The JSON that fits `customModel`. */
export function customDescription({ side = 32, dimension = 5, layout = 'nchw', gives = 'feature' }: CustomEncoderOptions = {}) {
  return {
    name: 'tiny-conv',
    input: { name: 'image', side, layout, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    output: { name: 'out', pooling: gives === 'feature' ? 'none' : 'mean', dimension },
  };
}

/** Writes `tiny.onnx` and `tiny.json` into a folder. @returns path of the model. */
export function writeCustomEncoder(
  folder: string,
  options: CustomEncoderOptions = {},
  description: unknown = customDescription(options),
): string {
  const path = join(folder, 'tiny.onnx');
  writeFileSync(path, customModel(options));
  writeFileSync(join(folder, 'tiny.json'), typeof description === 'string' ? description : JSON.stringify(description));
  return path;
}
