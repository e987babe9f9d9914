import { CONVOLUTIONS } from '../inception-v3';
import { DEPTH_ORDER } from './depth-order';
import { layerNames } from './tensors';

/** A dataset of an HDF5 file: `conv2d_7/conv2d_7/kernel:0`, or of Keras 3 `layers/conv2d_7/vars/0`. */
export interface FoundDataset {
  readonly path: string;
  /** Of Keras 3: the attribute `name` of the group `vars`, which is the layer's own name. */
  readonly layer?: string | undefined;
}

/** Where InceptionV3's variables lie in a file, or what is missing. */
export type KerasLayout =
  | {
      /** Showtell's name (`conv2d_7/kernel`) → path in the file. */
      readonly paths: ReadonlyMap<string, string>;
      /** The layers' own names in the file. */
      readonly layers: readonly string[];
    }
  | { readonly problem: string };

type Kind = 'conv2d' | 'batch_normalization';

interface FoundLayer {
  readonly kind: Kind;
  /** Its own name; absent where the file only has its place. */
  readonly name: string | undefined;
  /** In the group's name: creation number or place in depth order. */
  readonly number: number;
  /** Variable → path. */
  readonly variables: Map<string, string>;
}

const LAYER = /^(?<kind>conv2d|batch_normalization)(?:_(?<number>\d+))?$/;
/** Variables in the order in which Keras 3 numbers them, by how many there are. */
const NUMBERED: Readonly<Record<Kind, Readonly<Record<number, readonly string[]>>>> = {
  conv2d: { 1: ['kernel'], 2: ['kernel', 'bias'] },
  batch_normalization: {
    3: ['beta', 'moving_mean', 'moving_variance'],
    4: ['gamma', 'beta', 'moving_mean', 'moving_variance'],
  },
};

/**
 * Finds the 94 convolutions and batch-norms in any layout that Keras has written: published, legacy, whole model, `.weights.h5`; also
 * where InceptionV3 is a layer of a larger model. What lies on top was created later and has higher numbers, so it is left out.
 */
export function findInception(datasets: readonly FoundDataset[]): KerasLayout {
  const models = Array.from(byModel(datasets).values(), (layers) => [...layers.values()]);
  const counted = models.map((layers) => ({ layers, convolutions: layers.filter(({ kind }) => kind === 'conv2d').length }));
  const best = counted.sort((a, b) => b.convolutions - a.convolutions)[0];
  if (best === undefined || best.convolutions < CONVOLUTIONS)
    return { problem: `expected ${CONVOLUTIONS} convolutions named conv2d… but found ${best?.convolutions ?? 'none'}` };
  const norms = best.layers.length - best.convolutions;
  if (norms < CONVOLUTIONS) return { problem: `expected ${CONVOLUTIONS} layers named batch_normalization… but found ${norms}` };

  const paths = new Map<string, string>();
  const layers: string[] = [];
  for (const kind of ['conv2d', 'batch_normalization'] as const)
    for (const [number, { name, variables }] of numbered(best.layers.filter((layer) => layer.kind === kind))) {
      const { convolution, batchNorm } = layerNames(number);
      for (const [variable, path] of variables) paths.set(`${kind === 'conv2d' ? convolution : batchNorm}/${variable}`, path);
      if (name !== undefined) layers.push(name);
    }
  return { paths, layers };
}

/** The first 94 with their creation numbers, 1–94. Names count on within a session, so the first may be any number. */
function numbered(layers: readonly FoundLayer[]): [number, FoundLayer][] {
  const fromNames = layers.map((layer) => ({ layer, match: LAYER.exec(layer.name ?? '') }));
  const byCreation = fromNames.every(({ match }) => match !== null);
  return fromNames
    .map(({ layer, match }) => ({ layer, order: byCreation ? Number(match!.groups!['number'] ?? 0) : layer.number }))
    .sort((a, b) => a.order - b.order)
    .slice(0, CONVOLUTIONS)
    .map(({ layer }, place) => [byCreation ? place + 1 : DEPTH_ORDER[place]!, layer]);
}

/** Layers by the path of the model that they belong to. */
function byModel(datasets: readonly FoundDataset[]): Map<string, Map<string, FoundLayer>> {
  const models = new Map<string, Map<string, FoundLayer>>();
  const layerAt = (model: string, group: string, name: string | undefined): FoundLayer | undefined => {
    const match = LAYER.exec(group);
    if (match === null) return undefined;
    if (!models.has(model)) models.set(model, new Map());
    const layers = models.get(model)!;
    const { kind, number = '0' } = match.groups as { kind: Kind; number?: string };
    if (!layers.has(group)) layers.set(group, { kind, name, number: Number(number), variables: new Map() });
    return layers.get(group);
  };
  const counts = new Map<string, number>();
  for (const { path } of datasets) counts.set(parent(path), (counts.get(parent(path)) ?? 0) + 1);
  for (const { path, layer: name } of datasets) {
    const [variable, group, ...above] = path.split('/').reverse() as [string, string | undefined, ...string[]];
    if (group === 'vars' && above.length > 0) {
      const found = layerAt(above.slice(1).join('/'), above[0]!, name);
      const variables = found && NUMBERED[found.kind][counts.get(parent(path))!];
      if (variables?.[Number(variable)] !== undefined) found!.variables.set(variables[Number(variable)]!, path);
    } else if (group !== undefined) {
      // The layer's group mostly has the layer's name once more within.
      const model = above[0] === group ? above.slice(1) : above;
      layerAt(model.join('/'), group, group)?.variables.set(variable.replace(/:0$/, ''), path);
    }
  }
  return models;
}

const parent = (path: string) => path.slice(0, path.lastIndexOf('/'));
