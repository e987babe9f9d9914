import type { Graph, Value } from '@showtell/shared/onnx/graph';
import type { CompositeGradient } from './autodiff';

interface Projection {
  /** [N, K] */
  readonly rows: Value;
  /** [K, V] */
  readonly matrix: Value;
  /** int64 [N, 1], below V */
  readonly targets: Value;
}

/**
 * −log softmax(rows · matrix)[target], [N, 1], and its gradient.
 *
 * The gradient for the logits is w·(p − onehot(target)), [N, V], by far the largest tensor of a training step. So projection
 * and softmax have one rule: p − onehot overwrites p in place (a one is taken off at the target), and the weights w, the
 * gradient that flows in, scale the two narrow operands instead.
 */
export function trainingCrossEntropy(graph: Graph, { rows, matrix, targets }: Projection): { losses: Value; composite: CompositeGradient } {
  const probabilities = graph.op('Softmax', [graph.op('Gemm', [rows, matrix])], { axis: 1 });
  const chosen = graph.op('GatherElements', [probabilities, targets], { axis: 1 });
  const losses = graph.op('Neg', [graph.op('Log', [chosen])]);
  const composite: CompositeGradient = {
    output: losses,
    gradients: (weights) => {
      const difference = graph.op('ScatterElements', [probabilities, targets, graph.op('Sub', [chosen, graph.float(1)])], { axis: 1 });
      return new Map([
        [rows, graph.op('Mul', [graph.op('Gemm', [difference, matrix], { transB: 1 }), weights])],
        [matrix, graph.op('Gemm', [graph.op('Mul', [rows, weights]), difference], { transA: 1 })],
      ]);
    },
  };
  return { losses, composite };
}

/** The same losses where no gradient is wanted, exact also where p is too small for float32. */
export function crossEntropy(graph: Graph, { rows, matrix, targets }: Projection): Value {
  const logProbabilities = graph.op('LogSoftmax', [graph.op('Gemm', [rows, matrix])], { axis: 1 });
  return graph.op('Neg', [graph.op('GatherElements', [logProbabilities, targets], { axis: 1 })]);
}
