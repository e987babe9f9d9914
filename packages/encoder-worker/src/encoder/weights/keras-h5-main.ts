import { parentPort, workerData } from 'node:worker_threads';
import type { Entity, File, Group } from 'h5wasm/node';
import type { KerasFile, KerasLayout } from './keras-h5';
import type { FoundTensor } from './tensors';

/** The thread of `readKerasFile`: opens the file with h5wasm (an ES module, hence the import) and hands its tensors over. */
async function read(path: string): Promise<KerasFile> {
  const h5wasm = await import('h5wasm/node');
  // Else HDF5 prints its errors and goes on with nothing.
  (await h5wasm.ready).activate_throwing_error_handler();
  const isGroup = (entity: Entity | null): entity is Group => entity instanceof h5wasm.Group;
  let file: File | undefined;
  try {
    file = new h5wasm.File(path, 'r');
    const layout = layoutOf(file.keys());
    return { layout, tensors: layout === 'published' ? readPublished(file) : new Map() };
  } catch (error) {
    return { problem: rootCause(error) };
  } finally {
    file?.close();
  }

  /** `conv2d_7/conv2d_7/kernel:0` → `conv2d_7/kernel`. What lies on top is left out. */
  function readPublished(root: Group): Map<string, FoundTensor> {
    const tensors = new Map<string, FoundTensor>();
    for (const layer of root.keys().filter((name) => /^(?:conv2d|batch_normalization)_\d+$/.test(name))) {
      const outer = root.get(layer);
      const inner = isGroup(outer) && outer.keys().includes(layer) ? outer.get(layer) : null;
      if (!isGroup(inner)) throw new Error(`it has no group ${layer}/${layer}`);
      for (const name of inner.keys()) {
        const dataset = inner.get(name);
        if (!(dataset instanceof h5wasm.Dataset) || dataset.dtype !== '<f')
          throw new Error(`expected a float32 dataset for ${layer}/${layer}/${name}`);
        tensors.set(`${layer}/${name.replace(/:0$/, '')}`, { shape: dataset.shape ?? [], data: dataset.value as Float32Array });
      }
    }
    return tensors;
  }
}

function layoutOf(root: readonly string[]): KerasLayout {
  if (root.includes('model_weights')) return 'whole-model';
  if (root.includes('layers')) return 'keras3-weights';
  if (root.includes('conv2d')) return 'keras3-legacy';
  return 'published';
}

/** HDF5 throws its stack of errors, outermost first; the last "#n" line tells what was wrong. */
function rootCause(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = [...text.matchAll(/^\s*#\d+: \S+ line \d+ in \S+\(\): (.+)$/gm)];
  return lines.at(-1)?.[1] ?? text;
}

void (async () => {
  const file = await read(workerData as string);
  parentPort!.postMessage(file, 'tensors' in file ? Array.from(file.tensors.values(), ({ data }) => data.buffer as ArrayBuffer) : []);
})();
