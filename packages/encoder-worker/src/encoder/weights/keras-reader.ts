import { readFile } from 'node:fs/promises';
import type { Entity, File, Group } from 'h5wasm';
import type { KerasFile } from './keras-h5';
import { type FoundDataset, findInception } from './keras-layout';
import { familyOf, seemsToBe } from './other-models';
import type { FoundTensor } from './tensors';

/** More than any model has, groups and datasets: a hostile file may hold groups within themselves, or one within many others. */
const MOST_MEMBERS = 10_000;
const MOST_LEVELS = 16;
/** Half as many again as InceptionV3 has with its top: what is packed, or left out, takes no room in a file. */
const MOST_NUMBERS = 2 ** 25;
/** In the library's own file system, which has nothing else in it. */
const PLACE = '/weights.h5';
/** Groups at the root, or in Keras 3's files, that hold no layers. */
const NO_LAYERS = new Set(['optimizer_weights', 'optimizer', 'top_level_model_weights', '_metrics']);

/**
 * Reads a file with h5wasm (an ES module, hence the import), in its build for browsers: datasets and links may name other files of the
 * machine, and there it finds none. A damaged file may end the process, or never end: see `readKerasFile`.
 */
export async function readKeras(path: string): Promise<KerasFile> {
  const h5wasm = await import('h5wasm');
  const library = await h5wasm.ready;
  // Else HDF5 prints its errors and goes on with nothing.
  library.activate_throwing_error_handler();
  const isGroup = (entity: Entity | null): entity is Group => entity instanceof h5wasm.Group;
  let file: File | undefined;
  let members = 0;
  library.FS.writeFile(PLACE, await readFile(path));
  try {
    file = new h5wasm.File(PLACE, 'r');
    const datasets: FoundDataset[] = [];
    collect(file, '', datasets);
    const names = namesOf(file, datasets);
    const layout = findInception(datasets);
    if ('problem' in layout) return { other: `${layout.problem}; ${seemsToBe(names)}` };
    // InceptionResNetV2 has convolutions of the same names, and more of them.
    if (familyOf(names) !== undefined) return { other: seemsToBe(names) };
    const tensors = new Map<string, FoundTensor>();
    let numbers = 0;
    for (const [name, where] of layout.paths) {
      const dataset = file.get(where);
      if (!(dataset instanceof h5wasm.Dataset) || dataset.dtype !== '<f')
        return { other: `expected float32 numbers for ${where} but found ${describeType(dataset)}` };
      const { shape, chunks } = dataset.metadata;
      numbers += Math.max(sizeOf(shape ?? [0]), sizeOf(chunks ?? [0]));
      if (numbers > MOST_NUMBERS) return { other: `expected at most ${MOST_NUMBERS} numbers but ${where} makes them ${numbers}` };
      const data = dataset.value;
      if (!(data instanceof Float32Array))
        return { other: `expected float32 numbers for ${where} but found ${data === null ? 'none' : 'a single one'}` };
      tensors.set(name, { shape: shape ?? [], data });
    }
    return { tensors, layers: layout.layers, config: textAttribute(file, 'model_config') };
  } catch (error) {
    return { broken: rootCause(error) };
  } finally {
    file?.close();
    library.FS.unlink(PLACE);
  }

  function collect(group: Group, at: string, into: FoundDataset[], level = 0): void {
    if (level > MOST_LEVELS) throw new Error(`its groups lie more than ${MOST_LEVELS} deep`);
    const layer = at.endsWith('vars') ? textAttribute(group, 'name') : undefined;
    for (const name of group.keys()) {
      if (++members > MOST_MEMBERS) throw new Error(`it has more than ${MOST_MEMBERS} groups and datasets`);
      if (NO_LAYERS.has(name)) continue;
      const place = at === '' ? name : `${at}/${name}`;
      const entity = group.get(name);
      if (isGroup(entity)) collect(entity, place, into, level + 1);
      else if (entity instanceof h5wasm.Dataset) into.push({ path: place, layer });
    }
  }

  function describeType(dataset: Entity | null): string {
    return dataset instanceof h5wasm.Dataset ? `numpy's type ${JSON.stringify(dataset.dtype)}` : 'no dataset';
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Names of layers as the file gives them: Keras' own list, the layers that have variables, or whatever groups there are. */
function namesOf(file: File, datasets: readonly FoundDataset[]): string[] {
  const names = datasets.map(({ path, layer }) => layer ?? path.split('/').at(-2));
  return [...new Set(names.every((name) => name === undefined) ? file.keys() : names.filter((name) => name !== undefined))];
}

function textAttribute(group: Group, name: string): string | undefined {
  const value = Object.hasOwn(group.attrs, name) ? group.attrs[name]!.value : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** HDF5 throws its stack of errors, outermost first; the last "#n" line tells what was wrong. */
function rootCause(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = [...text.matchAll(/^\s*#\d+: \S+ line \d+ in \S+\(\): (.+)$/gm)];
  return lines.at(-1)?.[1] ?? text;
}
