import { Graph, type Value } from '@showtell/shared/onnx/graph';
import { encode, lstmCell, project, projectInput } from '../model/captioner';
import type { ParameterBuffer } from '../model/parameter-buffer';
import type { Architecture, MatrixName } from '../model/parameters';
import { END } from '../model/tokens';

/** Features of photos to the LSTM's first state. */
export interface EncodeGraph {
  readonly graph: Graph;
  /** float32 [B, F] */
  readonly features: Value;
  /** float32 [B, U] */
  readonly hidden: Value;
  /** float32 [B, U] */
  readonly cell: Value;
}

/** One step of decoding, the state going in and out. S is the rows before the step, R the rows that go on. */
export interface StepGraph {
  readonly graph: Graph;
  readonly inputs: {
    /** float32 [S, U] */
    readonly hidden: Value;
    /** float32 [S, U] */
    readonly cell: Value;
    /** int64 [R]: which row of the state each row goes on from */
    readonly from: Value;
    /** int64 [R]: the token each row reads */
    readonly tokens: Value;
  };
  readonly outputs: {
    /** float32 [R, U] */
    readonly hidden: Value;
    /** float32 [R, U] */
    readonly cell: Value;
    /** int64 [R, width]: likeliest next tokens, the likeliest first, equal ones by id; never PAD or START */
    readonly tokens: Value;
    /** float32 [R, width]: their log-probabilities, among all tokens */
    readonly logProbabilities: Value;
  };
}

export function encodeGraph(weights: ParameterBuffer, { dimension, units }: Architecture): EncodeGraph {
  const graph = new Graph();
  const features = graph.input('features', 'float32', ['B', dimension]);
  const hidden = encode(graph, features, constant(graph, weights, 'encoder'));
  // A graph's outputs must have names of their own.
  const cell = graph.op('Identity', [hidden]);
  graph.output(hidden, 'float32', ['B', units]);
  graph.output(cell, 'float32', ['B', units]);
  return { graph, features, hidden, cell };
}

export function stepGraph(weights: ParameterBuffer, { units }: Architecture, width: number): StepGraph {
  const graph = new Graph();
  const inputs = {
    hidden: graph.input('hidden', 'float32', ['S', units]),
    cell: graph.input('cell', 'float32', ['S', units]),
    from: graph.input('from', 'int64', ['R']),
    tokens: graph.input('tokens', 'int64', ['R']),
  };
  const embedded = graph.op('Gather', [constant(graph, weights, 'embedding'), inputs.tokens], { axis: 0 });
  const next = lstmCell(
    graph,
    projectInput(graph, embedded, constant(graph, weights, 'lstm')),
    constant(graph, weights, 'recurrent'),
    graph.op('Gather', [inputs.hidden, inputs.from], { axis: 0 }),
    graph.op('Gather', [inputs.cell, inputs.from], { axis: 0 }),
  );
  const all = graph.op('LogSoftmax', [project(graph, next.hidden, constant(graph, weights, 'output'))], { axis: 1 });
  // PAD and START are the ids before END: what is left after cutting them off can be produced.
  const possible = graph.op('Slice', [all, graph.int([END]), graph.int([Number.MAX_SAFE_INTEGER]), graph.int([1])]);
  const [logProbabilities, ids] = graph.ops('TopK', [possible, graph.int([width])], 2, { axis: 1 }) as [Value, Value];
  const outputs = { ...next, tokens: graph.op('Add', [ids, graph.int(END)]), logProbabilities };
  graph.output(outputs.hidden, 'float32', ['R', units]);
  graph.output(outputs.cell, 'float32', ['R', units]);
  graph.output(outputs.tokens, 'int64', ['R', width]);
  graph.output(outputs.logProbabilities, 'float32', ['R', width]);
  return { graph, inputs, outputs };
}

/** Weights become part of the graph, so that onnxruntime packs them for its kernels once. */
function constant(graph: Graph, weights: ParameterBuffer, name: MatrixName): Value {
  const { data, shape } = weights.matrix(name);
  return graph.initializer(name, 'float32', shape, data);
}
