import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { LAYERS } from '@showtell/encoder-worker/encoder/inception-v3';
import { weightsOf } from '@showtell/encoder-worker/encoder/weights/keras-h5';
import { readKeras } from '@showtell/encoder-worker/encoder/weights/keras-reader';
import { decodeWeights, type EncoderWeights, encodeWeights, layerNames } from '@showtell/encoder-worker/encoder/weights/tensors';
import { readWeightsFile } from '@showtell/encoder-worker/encoder/weights/weights-file';
import type { File, Group } from 'h5wasm/node';
import { expectThat, type FuzzTarget, type Verdict } from './fuzz-target';

const SIGNATURE = '\x89HDF\r\n\x1a\n';

const folder = mkdtempSync(join(tmpdir(), 'showtell-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'weights.h5');

/** Weights of Keras. Read in this thread, which is a hundred times as fast; what breaks it is tried again as a user's file is read. */
export const hdf5Target: FuzzTarget = {
  async seeds() {
    const { File, ready } = await import('h5wasm/node');
    await ready;
    const written = async (write: (file: File) => void) => {
      const file = new File(path, 'w');
      write(file);
      file.close();
      return readFile(path);
    };
    return [
      await written(() => {}),
      await written((file) => {
        file.create_attribute('model_config', '{"class_name": "Functional", "config": {"layers": []}}');
        const group = file.create_group('conv2d').create_group('conv2d');
        group.create_dataset({ name: 'kernel:0', shape: [1, 1, 3, 2], dtype: '<f', data: Float32Array.of(1, 2, 3, 4, 5, 6) });
      }),
      await written((file) => {
        const vars = file.create_group('layers').create_group('conv2d').create_group('vars');
        vars.create_attribute('name', 'conv2d');
        vars.create_dataset({ name: '0', shape: [8, 8], chunks: [4, 4], dtype: '<f', data: new Float32Array(64), compression: 'gzip' });
        vars.create_dataset({ name: '1', shape: [2], dtype: '<d', data: Float64Array.of(1, 2) });
        vars.create_soft_link('/layers', 'loop');
        vars.create_external_link('other.h5', '/layers', 'elsewhere');
      }),
      await written(writePublished),
    ];
  },
  words: [SIGNATURE, 'TREE', 'HEAP', 'SNOD', 'GCOL', 'vars', 'kernel:0', 'conv2d_1'].map((text) => Buffer.from(text, 'latin1')),
  covers: /\/encoder\/weights\//,
  tells: (message) => /cannot be read as HDF5: ([a-z ,-]{0,60})/i.exec(message)?.[1],
  mostBytes: 1_024 * 1_024,
  async check(input) {
    await writeFile(path, input);
    return accept(weightsOf(await readKeras(path), 'input'));
  },
  async confirm(input) {
    await writeFile(path, input);
    return accept(await readWeightsFile(path));
  },
};

function accept(weights: EncoderWeights): Verdict {
  expectThat(isDeepStrictEqual(decodeWeights(encodeWeights(weights), 'again'), weights), () => 'weights are written as others');
  return 'accepted';
}

/** A whole InceptionV3 with one filter in every convolution, in the layout of Keras' published file. */
function writePublished(file: File): void {
  const widths = new Map([['input', 3]]);
  for (const layer of LAYERS) {
    if (layer.kind === 'concat')
      widths.set(layer.name, layer.inputs.length === 0 ? 0 : layer.inputs.reduce((sum, name) => sum + widths.get(name)!, 0));
    else if (layer.kind !== 'convolution') widths.set(layer.name, widths.get(layer.input)!);
    else {
      const { convolution, batchNorm } = layerNames(layer.number);
      const shape = [...layer.kernel, widths.get(layer.input)!, 1];
      const kernel = file.create_group(convolution).create_group(convolution);
      writeNumbers(kernel, 'kernel:0', shape);
      const norm = file.create_group(batchNorm).create_group(batchNorm);
      for (const variable of ['beta:0', 'moving_mean:0', 'moving_variance:0']) writeNumbers(norm, variable, [1]);
      widths.set(layer.name, 1);
    }
  }
}

function writeNumbers(group: Group, name: string, shape: number[]): void {
  const length = shape.reduce((product, size) => product * size, 1);
  group.create_dataset({ name, shape, dtype: '<f', data: Float32Array.from({ length }, (_, index) => (index + 1) / length) });
}
