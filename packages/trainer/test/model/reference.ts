import type { NamedTensor } from '@showtell/shared/safetensors';
import { type Architecture, parameterShapes } from '../../src/model/parameters';
import { Random } from '../../src/model/random';

/** Weights of the reference: the same arrays in float64, so that finite differences are exact enough to judge gradients by. */
export type ReferenceWeights = Map<string, { shape: readonly number[]; data: Float64Array }>;

/** Weights with every bias non-zero, so that the order of gates shows. */
export function randomWeights(architecture: Architecture, seed: number): Map<string, NamedTensor> {
  const random = new Random(seed);
  return new Map(
    [...parameterShapes(architecture)].map(([name, shape]) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal() * 0.6);
      return [name, { name, dtype: 'F32', shape, data }];
    }),
  );
}

export function inFloat64(weights: ReadonlyMap<string, NamedTensor>): ReferenceWeights {
  return new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: Float64Array.from(data) }]));
}

interface State {
  hidden: number[];
  cell: number[];
}

/** The captioner written out in loops: first state of one photo. */
export function referenceStart(weights: ReferenceWeights, feature: ArrayLike<number>): State {
  const state = affine(feature, weights, 'encoder/kernel', 'encoder/bias').map((x) => (x > 0 ? x : Math.expm1(x)));
  return { hidden: state, cell: state };
}

/** One token read: the next state and the log-probabilities of what follows. */
export function referenceStep(weights: ReferenceWeights, state: State, token: number): State & { logProbabilities: number[] } {
  const width = weights.get('embedding/embeddings')!.shape[1]!;
  const embedded = weights.get('embedding/embeddings')!.data.subarray(token * width, (token + 1) * width);
  const fromInput = affine(embedded, weights, 'lstm/kernel', 'lstm/bias');
  const fromState = affine(state.hidden, weights, 'lstm/recurrent_kernel');
  const units = state.hidden.length;
  const gate = (block: number, unit: number) => fromInput[block * units + unit]! + fromState[block * units + unit]!;
  const cell = state.cell.map((c, unit) => sigmoid(gate(1, unit)) * c + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit)));
  const hidden = cell.map((c, unit) => sigmoid(gate(3, unit)) * Math.tanh(c));
  const logits = affine(hidden, weights, 'output/kernel', 'output/bias');
  const largest = Math.max(...logits);
  const logSum = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  return { hidden, cell, logProbabilities: logits.map((logit) => logit - logSum) };
}

/** −log p of each target of one caption. */
export function referenceLosses(weights: ReferenceWeights, feature: ArrayLike<number>, caption: Int32Array): number[] {
  let state = referenceStart(weights, feature);
  return [...caption.subarray(1)].map((target, position) => {
    const next = referenceStep(weights, state, caption[position]!);
    state = next;
    return -next.logProbabilities[target]!;
  });
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
