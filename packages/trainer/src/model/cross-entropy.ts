import type { Graph, Value } from '@showtell/shared/onnx/graph';
import type { CompositeGradient } from './autodiff';
import { logits, type Projection } from './network';

/**
 * −log softmax(scores)[target], [N, 1], and its gradient. With smoothing the target's part of the wanted probability is 1 − smoothing
 * and the rest is spread evenly over all V tokens; the loss is the cross-entropy with that.
 *
 * The gradient for the scores is w·(p − wanted), [N, V], by far the largest tensor of a training step. So projection and softmax have
 * one rule: p − wanted overwrites p in place (the target's part is taken off there), and the weights w, the gradient that flows in,
 * scale the narrow operands instead.
 *
 * @param targets int64 [N, 1], below V
 */
export function trainingCrossEntropy(
  graph: Graph,
  projection: Projection,
  targets: Value,
  { smoothing, vocabularySize }: { readonly smoothing: number; readonly vocabularySize: number },
): { losses: Value; composite: CompositeGradient } {
  const { rows, matrix, bias } = projection;
  const scores = logits(graph, projection);
  const probabilities = graph.op('Softmax', [scores], { axis: 1 });
  const chosen = graph.op('GatherElements', [probabilities, targets], { axis: 1 });
  const plain = graph.op('Neg', [graph.op('Log', [chosen])]);
  const losses = smoothing === 0 ? plain : graph.op('Add', [plain, smoothed(graph, scores, targets, smoothing)]);
  const composite: CompositeGradient = {
    output: losses,
    gradients: (weights) => {
      const taken = graph.op('Sub', [chosen, graph.float(1 - smoothing)]);
      const scattered = graph.op('ScatterElements', [probabilities, targets, taken], { axis: 1 });
      const difference = smoothing === 0 ? scattered : graph.op('Sub', [scattered, graph.float(smoothing / vocabularySize)]);
      const weighted = graph.op('Mul', [rows, weights]);
      const towardsRows = (attributes: { transB?: number }) =>
        graph.op('Mul', [graph.op('Gemm', [difference, matrix], attributes), weights]);
      if (bias === undefined)
        return new Map([
          [rows, towardsRows({ transB: 1 })],
          [matrix, graph.op('Gemm', [weighted, difference], { transA: 1 })],
        ]);
      const column = graph.op('Gemm', [difference, weights], { transA: 1 });
      return new Map([
        [rows, towardsRows({})],
        [matrix, graph.op('Gemm', [difference, weighted], { transA: 1 })],
        [bias, graph.op('Reshape', [column, graph.int([-1])])],
      ]);
    },
  };
  return { losses, composite };
}

/** What smoothing adds to the loss: since −log p = log Σ eˣ − x, it is smoothing · (score of the target − mean score), [N, 1]. */
function smoothed(graph: Graph, scores: Value, targets: Value, smoothing: number): Value {
  const ofTarget = graph.op('GatherElements', [scores, targets], { axis: 1 });
  const mean = graph.op('ReduceMean', [scores], { axes: [1], keepdims: 1 });
  return graph.op('Mul', [graph.op('Sub', [ofTarget, mean]), graph.float(smoothing)]);
}

/** The plain losses where no gradient is wanted, exact also where p is too small for float32. */
export function crossEntropy(graph: Graph, projection: Projection, targets: Value): Value {
  const logProbabilities = graph.op('LogSoftmax', [logits(graph, projection)], { axis: 1 });
  return graph.op('Neg', [graph.op('GatherElements', [logProbabilities, targets], { axis: 1 })]);
}
