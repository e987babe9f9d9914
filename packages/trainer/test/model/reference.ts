import type { NamedTensor } from '@showtell/shared/safetensors';
import { type Architecture, weightShapes } from '../../src/model/parameters';
import { Random } from '../../src/model/random';

/** Weights of the reference: the same arrays in float64, so that finite differences are exact enough to judge gradients by. */
export type ReferenceWeights = Map<string, { shape: readonly number[]; data: Float64Array }>;

/** Weights with every bias non-zero, so that the order of gates shows. */
export function randomWeights(architecture: Architecture, seed: number): Map<string, NamedTensor> {
  const random = new Random(seed);
  return new Map(
    [...weightShapes(architecture)].map(([name, shape]) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal() * 0.6);
      // A deviation is never negative.
      if (name === 'features/deviation') data.forEach((value, index) => (data[index] = 0.5 + Math.abs(value)));
      return [name, { name, dtype: 'F32', shape, data }];
    }),
  );
}

export function inFloat64(weights: ReadonlyMap<string, NamedTensor>): ReferenceWeights {
  return new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: Float64Array.from(data) }]));
}

/** What the plain loops need to know beside the arrays; by default the network of the preset `seed`. */
export type ReferenceNetwork = Partial<Pick<Architecture, 'image' | 'imageActivation' | 'standardize' | 'layerNorm' | 'tiedEmbeddings'>>;

/** Multiplies; what training drops, by what a number is and where. Nothing by default. */
export type ReferenceMask = (what: 'image' | 'embedded' | 'states', step: number, column: number) => number;

interface State {
  hidden: number[];
  cell: number[];
  image?: number[];
}

/** The captioner written out in loops: the state of one photo before the first token. */
export function referenceStart(
  weights: ReferenceWeights,
  feature: ArrayLike<number>,
  network: ReferenceNetwork = {},
  mask: ReferenceMask = () => 1,
): State {
  const { image = 'state', imageActivation = 'elu', standardize = false } = network;
  const array = (name: string) => weights.get(name)!.data;
  const centred = standardize ? Array.from(feature, (x, i) => (x - array('features/mean')[i]!) / array('features/deviation')[i]!) : feature;
  const photo = affine(centred, weights, 'encoder/kernel', 'encoder/bias')
    .map((x) => (x > 0 || imageActivation === 'linear' ? x : Math.expm1(x)))
    .map((x, column) => x * mask('image', 0, column));
  const units = weights.get('lstm/recurrent_kernel')!.shape[0]!;
  const zeros = Array<number>(units).fill(0);
  if (image === 'first-input') return lstm(weights, { hidden: zeros, cell: zeros }, photo, network);
  const state = { hidden: photo, cell: photo };
  return image === 'every-input' ? { ...state, image: affine(photo, weights, 'lstm/image_kernel') } : state;
}

/** One token read: the next state and the log-probabilities of what follows. */
export function referenceStep(
  weights: ReferenceWeights,
  state: State,
  token: number,
  network: ReferenceNetwork = {},
  mask: ReferenceMask = () => 1,
  step = 0,
): State & { logProbabilities: number[] } {
  const embeddings = weights.get('embedding/embeddings')!;
  const [vocabularySize = 0, width = 0] = embeddings.shape;
  const vector = (id: number) => Array.from(embeddings.data.subarray(id * width, (id + 1) * width));
  const next = lstm(
    weights,
    state,
    vector(token).map((x, column) => x * mask('embedded', step, column)),
    network,
  );
  const shown = next.hidden.map((x, column) => x * mask('states', step, column));
  const logits = network.tiedEmbeddings
    ? scoredByEmbeddings(weights.has('output/projection') ? affine(shown, weights, 'output/projection') : shown)
    : affine(shown, weights, 'output/kernel', 'output/bias');
  const largest = Math.max(...logits);
  const logSum = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  return { ...next, logProbabilities: logits.map((logit) => logit - logSum) };

  function scoredByEmbeddings(row: readonly number[]): number[] {
    const bias = weights.get('output/bias')!.data;
    return Array.from({ length: vocabularySize }, (_, id) => vector(id).reduce((sum, x, column) => sum + x * row[column]!, bias[id]!));
  }
}

export interface ReferenceOptions {
  readonly network?: ReferenceNetwork;
  readonly mask?: ReferenceMask;
  /** Tokens read in place of the caption's own. */
  readonly read?: ArrayLike<number>;
  readonly smoothing?: number;
}

/** −log p of each target of one caption; with smoothing the cross-entropy with the smoothed targets. */
export function referenceLosses(
  weights: ReferenceWeights,
  feature: ArrayLike<number>,
  caption: Int32Array,
  { network = {}, mask, read = caption, smoothing = 0 }: ReferenceOptions = {},
): number[] {
  let state = referenceStart(weights, feature, network, mask);
  return [...caption.subarray(1)].map((target, position) => {
    const next = referenceStep(weights, state, read[position]!, network, mask, position);
    state = next;
    const all = next.logProbabilities;
    return -(1 - smoothing) * all[target]! - (smoothing / all.length) * all.reduce((a, b) => a + b);
  });
}

function lstm(
  weights: ReferenceWeights,
  { hidden, cell, image }: State,
  input: readonly number[],
  { layerNorm = false }: ReferenceNetwork,
): State {
  const units = hidden.length;
  const kernel = affine(input, weights, 'lstm/kernel', layerNorm ? undefined : 'lstm/bias').map((x, i) => x + (image?.[i] ?? 0));
  const recurrent = affine(hidden, weights, 'lstm/recurrent_kernel');
  const fromInput = layerNorm ? normalized(weights, 'lstm/input_norm', kernel) : kernel;
  const fromState = layerNorm ? normalized(weights, 'lstm/recurrent_norm', recurrent) : recurrent;
  const gate = (block: number, unit: number) => fromInput[block * units + unit]! + fromState[block * units + unit]!;
  const next = cell.map((c, unit) => sigmoid(gate(1, unit)) * c + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit)));
  const shown = layerNorm ? normalized(weights, 'lstm/cell_norm', next) : next;
  return { hidden: shown.map((c, unit) => sigmoid(gate(3, unit)) * Math.tanh(c)), cell: next, ...(image && { image }) };
}

function normalized(weights: ReferenceWeights, name: string, row: readonly number[]): number[] {
  const mean = row.reduce((a, b) => a + b) / row.length;
  const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length;
  const gain = weights.get(`${name}/gamma`)!.data;
  const bias = weights.get(`${name}/beta`)?.data;
  return row.map((x, i) => ((x - mean) / Math.sqrt(variance + 1e-3)) * gain[i]! + (bias?.[i] ?? 0));
}

function affine(x: ArrayLike<number>, weights: ReferenceWeights, kernel: string, bias?: string): number[] {
  const { shape, data } = weights.get(kernel)!;
  const columns = shape[1]!;
  return Array.from({ length: columns }, (_, column) => {
    let sum = bias ? weights.get(bias)!.data[column]! : 0;
    for (let row = 0; row < x.length; row++) sum += x[row]! * data[row * columns + column]!;
    return sum;
  });
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
