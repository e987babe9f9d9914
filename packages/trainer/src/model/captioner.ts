import { Graph, type Value } from '@showtell/shared/onnx/graph';
import { gradients } from './autodiff';
import { crossEntropy, trainingCrossEntropy } from './cross-entropy';
import { type Architecture, MATRICES, type MatrixName, matrixShape } from './parameters';

/** Inputs of the unrolled graphs; N is the number of tokens read, T the number of steps. See `packed-batch.ts`. */
export const INPUT = {
  /** float32 [B, F], longest caption first */
  features: 'features',
  /** int64 [N]: the tokens read, step after step */
  tokens: 'tokens',
  /** int64 [N, 1]: the token that should come next */
  targets: 'targets',
  /** float32 [N, 1] */
  weights: 'weights',
  /** int64 [T]: rows that are still running at each step, never more than at the step before */
  running: 'running',
} as const;

export interface TrainingGraph {
  readonly graph: Graph;
  /** float32 [N, 1]: −log p of each target */
  readonly losses: Value;
  /** Gradient of every matrix but the embedding, of the matrix' shape. */
  readonly gradients: ReadonlyMap<Exclude<MatrixName, 'embedding'>, Value>;
  /** float32 [N, E]: gradient of each token's embedded vector; summed by token it is the embedding's gradient. */
  readonly embeddedGradient: Value;
}

/**
 * Forward and backward pass over `steps` time steps, as one graph. Rows are packed: at step t only the `running[t]` longest
 * captions are computed, and steps that nobody reaches have 0 rows. So there is no mask and no logit of padding.
 */
export function trainingGraph(architecture: Architecture, steps: number): TrainingGraph {
  const graph = new Graph();
  const matrices = declareMatrices(graph, architecture);
  const { embedded, states } = unroll(graph, architecture, steps, matrices);
  const { losses, composite } = trainingCrossEntropy(graph, { rows: states, matrix: matrices.output, targets: INPUT.targets });
  graph.input(INPUT.weights, 'float32', ['N', 1]);
  const found = gradients(
    graph,
    new Map([[losses, INPUT.weights]]),
    [matrices.encoder, embedded, matrices.lstm, matrices.recurrent, matrices.output],
    [composite],
  );
  const dense = (['encoder', 'lstm', 'recurrent', 'output'] as const).map((name) => [name, found.get(matrices[name])!] as const);
  graph.output(losses, 'float32', ['N', 1]);
  for (const [name, gradient] of dense) graph.output(gradient, 'float32', matrixShape(name, architecture));
  graph.output(found.get(embedded)!, 'float32', ['N', architecture.embedding]);
  return { graph, losses, gradients: new Map(dense), embeddedGradient: found.get(embedded)! };
}

/** The forward pass alone, with the same inputs but the weights. */
export function evaluationGraph(architecture: Architecture, steps: number): { graph: Graph; losses: Value } {
  const graph = new Graph();
  const matrices = declareMatrices(graph, architecture);
  const { states } = unroll(graph, architecture, steps, matrices);
  const losses = crossEntropy(graph, { rows: states, matrix: matrices.output, targets: INPUT.targets });
  graph.output(losses, 'float32', ['N', 1]);
  return { graph, losses };
}

/** Initial hidden and cell state of each photo, one and the same: ELU(feature · kernel + bias), [B, U]. */
export function encode(graph: Graph, features: Value, matrix: Value): Value {
  return graph.op('Elu', [graph.op('Gemm', [withOnes(graph, features), matrix])]);
}

/** What the input contributes to the gates: embedded · kernel + bias, [N, 4U]. */
export function projectInput(graph: Graph, embedded: Value, matrix: Value): Value {
  return graph.op('Gemm', [withOnes(graph, embedded), matrix]);
}

/** One LSTM step as Keras has it: gates in the order input, forget, cell, output. All states are [rows, U]. */
export function lstmCell(graph: Graph, projected: Value, recurrent: Value, hidden: Value, cell: Value): { hidden: Value; cell: Value } {
  const gates = graph.op('Gemm', [hidden, recurrent, projected]);
  const [input, forget, candidate, output] = graph.ops('Split', [gates], 4, { axis: 1 }) as [Value, Value, Value, Value];
  const kept = graph.op('Mul', [graph.op('Sigmoid', [forget]), cell]);
  const added = graph.op('Mul', [graph.op('Sigmoid', [input]), graph.op('Tanh', [candidate])]);
  const next = graph.op('Add', [kept, added]);
  return { hidden: graph.op('Mul', [graph.op('Sigmoid', [output]), graph.op('Tanh', [next])]), cell: next };
}

/** Scores of every token: hidden · kernel + bias, [N, V]. */
export function project(graph: Graph, hidden: Value, matrix: Value): Value {
  return graph.op('Gemm', [withOnes(graph, hidden), matrix]);
}

/** Appends a column of ones, so that a bias is the last row of its kernel and its gradient comes with the kernel's. */
function withOnes(graph: Graph, rows: Value): Value {
  const shape = graph.op('Concat', [graph.op('Shape', [rows], { start: 0, end: 1 }), graph.int([1])], { axis: 0 });
  return graph.op('Concat', [rows, graph.op('Expand', [graph.float(1), shape])], { axis: 1 });
}

function declareMatrices(graph: Graph, architecture: Architecture): Record<MatrixName, Value> {
  const names = Object.keys(MATRICES) as MatrixName[];
  return Object.fromEntries(names.map((name) => [name, graph.input(name, 'float32', matrixShape(name, architecture))])) as Record<
    MatrixName,
    Value
  >;
}

function unroll(graph: Graph, { dimension }: Architecture, steps: number, matrices: Record<MatrixName, Value>) {
  graph.input(INPUT.features, 'float32', ['B', dimension]);
  graph.input(INPUT.tokens, 'int64', ['N']);
  graph.input(INPUT.targets, 'int64', ['N', 1]);
  graph.input(INPUT.running, 'int64', [steps]);
  const embedded = graph.op('Gather', [matrices.embedding, INPUT.tokens], { axis: 0 });
  const projected = graph.ops('Split', [projectInput(graph, embedded, matrices.lstm), INPUT.running], steps, { axis: 0 });
  const running = graph.ops('Split', [INPUT.running, graph.int(Array<number>(steps).fill(1))], steps, { axis: 0 });

  let hidden = encode(graph, INPUT.features, matrices.encoder);
  let cell = hidden;
  const states: Value[] = [];
  for (let step = 0; step < steps; step++) {
    if (step > 0) {
      const finished = graph.op('Sub', [running[step - 1]!, running[step]!]);
      const cut = graph.op('Concat', [running[step]!, finished], { axis: 0 });
      hidden = graph.ops('Split', [hidden, cut], 2, { axis: 0 })[0]!;
      cell = graph.ops('Split', [cell, cut], 2, { axis: 0 })[0]!;
    }
    ({ hidden, cell } = lstmCell(graph, projected[step]!, matrices.recurrent, hidden, cell));
    states.push(hidden);
  }
  return { embedded, states: withOnes(graph, graph.op('Concat', states, { axis: 0 })) };
}
