import { ELEMENT_TYPE, Graph, type Value } from '@showtell/shared/onnx/graph';
import { encode, lstmCell, project, projectInput } from '../model/captioner';
import { type Architecture, type MatrixName, matrixShape } from '../model/parameters';

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
  const { dimension, units } = architecture;
  const graph = new Graph();
  const { matrices, matrix } = declareMatrices(graph, architecture);
  const features = graph.input('features', 'float32', ['B', dimension]);
  const hidden = encode(graph, features, matrix('encoder'));
  // A graph's outputs must have names of their own.
  const cell = graph.op('Identity', [hidden]);
  graph.output(hidden, 'float32', ['B', units]);
  graph.output(cell, 'float32', ['B', units]);
  return { graph, matrices, features, state: [hidden, cell] };
}

export function stepGraph(architecture: Architecture, outputs: 'likeliest'): StepGraph & { readonly next: LikeliestOutputs };
export function stepGraph(architecture: Architecture, outputs: 'all'): StepGraph & { readonly next: AllOutputs };
export function stepGraph(architecture: Architecture, outputs: 'likeliest' | 'all'): StepGraph {
  const { units, vocabularySize } = architecture;
  const graph = new Graph();
  const { matrices, matrix } = declareMatrices(graph, architecture);
  const from = graph.input('from', 'int64', ['R']);
  const tokens = graph.input('tokens', 'int64', ['R']);
  const before = ['hidden', 'cell'].map((name) => graph.input(name, 'float32', ['S', units]));
  const [hidden, cell] = before.map((state) => graph.op('Gather', [state, from], { axis: 0 })) as [Value, Value];
  const embedded = graph.op('Gather', [matrix('embedding'), tokens], { axis: 0 });
  const projected = projectInput(graph, embedded, matrix('lstm'));
  const after = lstmCell(graph, projected, matrix('recurrent'), hidden, cell);
  const logits = project(graph, after.hidden, matrix('output'));
  const state = [after.hidden, after.cell].map((value, index) => {
    graph.output(value, 'float32', ['R', units]);
    return { before: before[index]!, after: value };
  });
  const next = outputs === 'all' ? allTokens(graph, logits, vocabularySize) : likeliestTokens(graph, logits);
  return { graph, matrices, state, from, tokens, next };
}

function allTokens(graph: Graph, logits: Value, vocabularySize: number): AllOutputs {
  const logProbabilities = graph.op('LogSoftmax', [logits], { axis: 1 });
  graph.output(logProbabilities, 'float32', ['R', vocabularySize]);
  return { logProbabilities };
}

/** ONNX's TopK puts the smaller of equal values' indices first, so the same logits always give the same order. */
function likeliestTokens(graph: Graph, logits: Value): LikeliestOutputs {
  const count = graph.input('count', 'int64', [1]);
  const all = graph.op('LogSoftmax', [logits], { axis: 1 });
  const [logProbabilities, ids] = graph.ops('TopK', [all, count], 2, { axis: 1 }) as [Value, Value];
  const tokens = graph.op('Cast', [ids], { to: ELEMENT_TYPE.int32 });
  graph.output(tokens, 'int32', ['R', 'K']);
  graph.output(logProbabilities, 'float32', ['R', 'K']);
  return { count, tokens, logProbabilities };
}

/** Matrices become inputs when the graph first asks for them; `matrices` tells which it has asked for. */
function declareMatrices(graph: Graph, architecture: Architecture) {
  const matrices: MatrixName[] = [];
  const matrix = (name: MatrixName): Value => {
    if (matrices.includes(name)) return name;
    matrices.push(name);
    return graph.input(name, 'float32', matrixShape(name, architecture));
  };
  return { matrices, matrix };
}
