import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DEPTH_ORDER } from '../src/encoder/weights/depth-order';
import type { FoundTensor } from '../src/encoder/weights/tensors';

export interface KerasDataset {
  /** With its groups: `conv2d_1/conv2d_1/kernel:0`. */
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
  /** HDF5 type in numpy's letters; float32 by default. */
  readonly dtype?: string;
}

export interface KerasAttribute {
  /** Path of the group; empty for the root. */
  readonly of: string;
  readonly attribute: string;
  readonly value: string;
}

/** Datasets of Keras' published layout. */
export function publishedLayout(tensors: ReadonlyMap<string, FoundTensor>): KerasDataset[] {
  return Array.from(tensors, ([name, { shape, data }]) => {
    const [layer, variable] = name.split('/') as [string, string];
    return { path: `${layer}/${layer}/${variable}:0`, shape, data: [...data] };
  });
}

/**
 * Datasets of Keras 3's `.weights.h5`, in depth order.
 * @param name of a convolution's or batch-norm's layer by its creation number from 1; without it the groups get no names.
 */
export function keras3Layout(
  tensors: ReadonlyMap<string, FoundTensor>,
  name?: (kind: string, number: number) => string,
): (KerasDataset | KerasAttribute)[] {
  return DEPTH_ORDER.flatMap((number, place) =>
    Object.entries({ conv2d: ['kernel'], batch_normalization: ['beta', 'moving_mean', 'moving_variance'] }).flatMap(([kind, variables]) => {
      const vars = `layers/${kind}${place === 0 ? '' : `_${place}`}/vars`;
      const datasets = variables.map((variable, index) => {
        const { shape, data } = tensors.get(`${kind}_${number}/${variable}`)!;
        return { path: `${vars}/${index}`, shape, data: [...data] };
      });
      return [...datasets, ...(name ? [{ of: vars, attribute: 'name', value: name(kind, number) }] : [])];
    }),
  );
}

/** Writes HDF5 files (path → datasets and attributes), in a process of its own because h5wasm is an ES module. */
export async function writeKerasFiles(files: Readonly<Record<string, readonly (KerasDataset | KerasAttribute)[]>>): Promise<void> {
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
    for (const { of, attribute, value, path, shape, data, dtype = '<f' } of datasets) {
      if (attribute !== undefined) {
        (of === '' ? file : file.get(of)).create_attribute(attribute, value);
        continue;
      }
      const groups = path.split('/');
      const name = groups.pop();
      const group = groups.reduce((parent, child) => (parent.keys().includes(child) ? parent.get(child) : parent.create_group(child)), file);
      group.create_dataset({ name, shape, dtype, data: dtype === '<d' ? Float64Array.from(data) : Float32Array.from(data, (x) => x ?? NaN) });
    }
    file.close();
  }
`;
