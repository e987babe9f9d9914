import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { FoundTensor } from '../src/encoder/weights/tensors';

export interface KerasDataset {
  /** With its groups: `conv2d_1/conv2d_1/kernel:0`. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
  /** HDF5 type in numpy's letters; float32 by default. */
  readonly dtype?: string;
}

/** Datasets of Keras' published layout. */
export function publishedLayout(tensors: ReadonlyMap<string, FoundTensor>): KerasDataset[] {
  return Array.from(tensors, ([name, { shape, data }]) => {
    const [layer, variable] = name.split('/') as [string, string];
    return { path: `${layer}/${layer}/${variable}:0`, shape, data: [...data] };
  });
}

/** Writes HDF5 files (path → datasets), in a process of its own because h5wasm is an ES module. */
export async function writeKerasFiles(files: Readonly<Record<string, readonly KerasDataset[]>>): Promise<void> {
  const writing = promisify(execFile)(process.execPath, ['--input-type=module', '-e', WRITER], { cwd: __dirname });
  writing.child.stdin!.end(JSON.stringify(files));
  await writing;
}

const WRITER = `
  import { ready, File } from 'h5wasm/node';
  import { text } from 'node:stream/consumers';
  await ready;
  for (const [path, datasets] of Object.entries(JSON.parse(await text(process.stdin)))) {
    const file = new File(path, 'w');
    for (const { path, shape, data, dtype = '<f' } of datasets) {
      const groups = path.split('/');
      const name = groups.pop();
      const group = groups.reduce((parent, child) => (parent.keys().includes(child) ? parent.get(child) : parent.create_group(child)), file);
      group.create_dataset({ name, shape, dtype, data: dtype === '<d' ? Float64Array.from(data) : Float32Array.from(data, (x) => x ?? NaN) });
    }
    file.close();
  }
`;
