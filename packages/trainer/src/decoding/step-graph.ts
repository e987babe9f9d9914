import { ELEMENT_TYPE, Graph, type Value } from '@showtell/shared/onnx/graph';
import { logits, Network, type State, weightInputs } from '../model/network';
import type { Architecture, MatrixName } from '../model/parameters';

/** Features of photos to the state before the first token. */
export interface EncodeGraph {
  readonly graph: Graph;
  /** Inputs, by their own names. */
  readonly matrices: readonly MatrixName[];
  /** float32 [B, F] */
  readonly features: Value;
  /** float32 [B, …] each, in the order of `StepGraph.state` */
  readonly state: readonly Value[];
}

/** One step of decoding, the state going in and out. S is the rows before the step, R the rows that go on, V the tokens. */
export interface StepGraph {
  readonly graph: Graph;
  /** Inputs, by their own names. */
  readonly matrices: readonly MatrixName[];
  /** What a row remembers: float32 [S, …] before the step, [R, …] after it. */
  readonly state: readonly { readonly before: Value; readonly after: Value }[];
  /** int64 [R]: which row of the state each row goes on from */
  readonly from: Value;
  /** int64 [R]: the token each row reads */
  readonly tokens: Value;
  readonly next: LikeliestOutputs | AllOutputs;
}

/** The likeliest next tokens, as a beam search wants them. */
export interface LikeliestOutputs {
  /** Input, int64 [1]: K, how many of them are wanted. */
  readonly count: Value;
  /** int32 [R, K]: the likeliest first, equally likely ones by id */
  readonly tokens: Value;
  /** float32 [R, K]: of each, among all tokens */
  readonly logProbabilities: Value;
}

/** The distribution of the next token, as sampling wants it. */
export interface AllOutputs {
  /** float32 [R, V] */
  readonly logProbabilities: Value;
}

export function encodeGraph(architecture: Architecture): EncodeGraph {
  const graph = new Graph();
  const weights = weightInputs(graph, architecture);
  const network = new Network(graph, architecture, weights.of);
  const features = graph.input('features', 'float32', ['B', architecture.dimension]);
  const first = firstState(network, features);
  const state = rememberedBy(architecture).map(({ name, width }) => {
    // Where hidden and cell state begin alike, they are one value, and each output must have a name of its own.
    const value = graph.op('Identity', [first[name]!]);
    graph.output(value, 'float32', ['B', width]);
    return value;
  });
  return { graph, matrices: weights.used, features, state };
}

export function stepGraph(architecture: Architecture, outputs: 'likeliest'): StepGraph & { readonly next: LikeliestOutputs };
export function stepGraph(architecture: Architecture, outputs: 'all'): StepGraph & { readonly next: AllOutputs };
export function stepGraph(architecture: Architecture, outputs: 'likeliest' | 'all'): StepGraph {
  const graph = new Graph();
  const weights = weightInputs(graph, architecture);
  const network = new Network(graph, architecture, weights.of);
  const from = graph.input('from', 'int64', ['R']);
  const tokens = graph.input('tokens', 'int64', ['R']);
  const remembered = rememberedBy(architecture);
  for (const { name, width } of remembered) graph.input(name, 'float32', ['S', width]);
  const before = Object.fromEntries(remembered.map(({ name }) => [name, graph.op('Gather', [name, from], { axis: 0 })]));
  const after = network.next(network.input(network.embed(tokens)), before as unknown as State);
  const state = remembered.map(({ name, width }) => {
    graph.output(after[name]!, 'float32', ['R', width]);
    return { before: name, after: after[name]! };
  });
  const scores = logits(graph, network.output(after.hidden));
  const next = outputs === 'all' ? allTokens(graph, scores, architecture.vocabularySize) : likeliestTokens(graph, scores);
  return { graph, matrices: weights.used, state, from, tokens, next };
}

/** The state before the first token. */
export function firstState(network: Network, features: Value): State {
  const image = network.image(features);
  const begun = network.begin(image);
  return network.imageIsInput ? network.next(network.input(image), begun) : begun;
}

/** What a row remembers, by the inputs' names. */
export function rememberedBy({ image, units }: Architecture): { readonly name: keyof State; readonly width: number }[] {
  const state = [
    { name: 'hidden', width: units },
    { name: 'cell', width: units },
  ] as const;
  return image === 'every-input' ? [...state, { name: 'image', width: 4 * units }] : [...state];
}

function allTokens(graph: Graph, scores: Value, vocabularySize: number): AllOutputs {
  const logProbabilities = graph.op('LogSoftmax', [scores], { axis: 1 });
  graph.output(logProbabilities, 'float32', ['R', vocabularySize]);
  return { logProbabilities };
}

/** ONNX's TopK puts the smaller of equal values' indices first, so the same scores always give the same order. */
function likeliestTokens(graph: Graph, scores: Value): LikeliestOutputs {
  const count = graph.input('count', 'int64', [1]);
  const all = graph.op('LogSoftmax', [scores], { axis: 1 });
  const [logProbabilities, ids] = graph.ops('TopK', [all, count], 2, { axis: 1 }) as [Value, Value];
  const tokens = graph.op('Cast', [ids], { to: ELEMENT_TYPE.int32 });
  graph.output(tokens, 'int32', ['R', 'K']);
  graph.output(logProbabilities, 'float32', ['R', 'K']);
  return { count, tokens, logProbabilities };
}
