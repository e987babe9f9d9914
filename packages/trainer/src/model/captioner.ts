import { Graph, type Value } from '@showtell/shared/onnx/graph';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { gradients } from './autodiff';
import { crossEntropy, trainingCrossEntropy } from './cross-entropy';
import { declareMasks, type MASKS } from './dropout';
import { Network, type State, weightInputs } from './network';
import { type Architecture, type MatrixName, matricesOf, matrixShape } from './parameters';
import { ownWords } from './scheduled-sampling';

/**
 * Inputs of the unrolled graphs; N is the number of tokens read, T the number of steps. See `packed-batch.ts`, and for those of
 * dropout and scheduled sampling `dropout.ts` and `scheduled-sampling.ts`.
 */
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

/** What keeps a training from learning by heart; none of it is in the network that captions are made with. */
export type Regularization = Pick<Hyperparameters, 'dropout' | 'scheduledSampling' | 'labelSmoothing'>;

export interface TrainingGraph {
  readonly graph: Graph;
  /** float32 [N, 1]: −log p of each target */
  readonly losses: Value;
  /** Gradient of every matrix that a product is made with, of the matrix' shape. Of tied embeddings it is what comes from the scores. */
  readonly gradients: ReadonlyMap<MatrixName, Value>;
  /** float32 [N, E]: gradient of each read token's vector; summed by token it is the embedding's gradient, or the rest of it. */
  readonly embeddedGradient: Value;
  /** int64 [N]: the tokens read, those among them that were sampled. */
  readonly tokens: Value;
}

/**
 * Forward and backward pass over `steps` time steps, as one graph. Rows are packed: at step t only the `running[t]` longest
 * captions are computed, and steps that nobody reaches have 0 rows. So there is no mask and no logit of padding.
 */
export function trainingGraph(architecture: Architecture, steps: number, regularization: Regularization): TrainingGraph {
  const { dropout, scheduledSampling, labelSmoothing } = regularization;
  const { vocabularySize, embedding } = architecture;
  const graph = new Graph();
  const network = new Network(graph, architecture, weightInputs(graph, architecture).of);
  declareBatch(graph, architecture, steps);
  const tokens = scheduledSampling > 0 ? ownWords(network, INPUT.tokens, unroll(network, steps, INPUT.tokens).states) : INPUT.tokens;
  const { embedded, states } = unroll(network, steps, tokens, dropout > 0 ? declareMasks(graph, architecture) : undefined);
  const { losses, composite } = trainingCrossEntropy(graph, network.output(states), INPUT.targets, {
    smoothing: labelSmoothing,
    vocabularySize,
  });
  graph.input(INPUT.weights, 'float32', ['N', 1]);
  const trained = trainedByProducts(architecture);
  const found = gradients(graph, new Map([[losses, INPUT.weights]]), [...trained, embedded], [composite]);
  graph.output(losses, 'float32', ['N', 1]);
  for (const name of trained) graph.output(found.get(name)!, 'float32', matrixShape(name, architecture));
  graph.output(found.get(embedded)!, 'float32', ['N', embedding]);
  if (tokens !== INPUT.tokens) graph.output(tokens, 'int64', ['N']);
  return {
    graph,
    losses,
    gradients: new Map(trained.map((name) => [name, found.get(name)!])),
    embeddedGradient: found.get(embedded)!,
    tokens,
  };
}

/** The forward pass alone, with the same inputs but the weights, and nothing dropped, sampled or smoothed. */
export function evaluationGraph(architecture: Architecture, steps: number): { graph: Graph; losses: Value } {
  const graph = new Graph();
  const network = new Network(graph, architecture, weightInputs(graph, architecture).of);
  declareBatch(graph, architecture, steps);
  const losses = crossEntropy(graph, network.output(unroll(network, steps, INPUT.tokens).states), INPUT.targets);
  graph.output(losses, 'float32', ['N', 1]);
  return { graph, losses };
}

/** Embeddings are looked up by token, which is no product; tied ones are multiplied with as well. */
export function trainedByProducts(architecture: Architecture): MatrixName[] {
  const looked: readonly MatrixName[] = architecture.tiedEmbeddings ? ['mean', 'deviation'] : ['mean', 'deviation', 'embedding'];
  return [...matricesOf(architecture).keys()].filter((name) => !looked.includes(name));
}

function declareBatch(graph: Graph, { dimension }: Architecture, steps: number): void {
  graph.input(INPUT.features, 'float32', ['B', dimension]);
  graph.input(INPUT.tokens, 'int64', ['N']);
  graph.input(INPUT.targets, 'int64', ['N', 1]);
  graph.input(INPUT.running, 'int64', [steps]);
}

/**
 * The network over all steps of a batch.
 * @returns the tokens' vectors [N, E], and for each token the LSTM's output after it was read, [N, U]
 */
function unroll(
  network: Network,
  steps: number,
  tokens: Value,
  mask?: ReturnType<typeof declareMasks>,
): { embedded: Value; states: Value } {
  const { graph } = network;
  const dropped = (value: Value, what: keyof typeof MASKS) => (mask ? graph.op('Mul', [value, mask[what]]) : value);
  const image = dropped(network.image(INPUT.features), 'image');
  const embedded = network.embed(tokens);
  const words = dropped(embedded, 'embedded');

  // A photo that is read like a word is a step more, of all rows.
  const photos = network.imageIsInput ? 1 : 0;
  const vectors = photos > 0 ? graph.op('Concat', [image, words], { axis: 0 }) : words;
  const rows =
    photos > 0 ? graph.op('Concat', [graph.op('Shape', [image], { start: 0, end: 1 }), INPUT.running], { axis: 0 }) : INPUT.running;
  const inputs = graph.ops('Split', [network.input(vectors), rows], steps + photos, { axis: 0 });
  const running = graph.ops('Split', [rows, graph.int(Array<number>(steps + photos).fill(1))], steps + photos, { axis: 0 });

  const { units } = network.architecture;
  // Without these names onnxruntime knows of no two tensors here that they are of one size, and gives each memory of its own.
  const ofStep = (step: number, value: Value, columns: number) =>
    graph.describe(value, 'float32', [step > photos ? `B${step}` : 'B', columns]);
  let state = network.begin(image);
  const states: Value[] = [];
  for (const [step, input] of inputs.entries()) {
    if (step > 0) state = firstRows(graph, state, running[step - 1]!, running[step]!);
    for (const value of [state.hidden, state.cell]) ofStep(step, value, units);
    if (state.image !== undefined) ofStep(step, state.image, 4 * units);
    state = network.next(ofStep(step, input, 4 * units), state);
    for (const value of [state.hidden, state.cell]) ofStep(step, value, units);
    // Nothing is to be said after the photo alone.
    if (step >= photos) states.push(state.hidden);
  }
  return { embedded, states: dropped(graph.describe(graph.op('Concat', states, { axis: 0 }), 'float32', ['N', units]), 'states') };
}

/** What is left of a state of `before` rows when only the first `after` go on. */
function firstRows(graph: Graph, state: State, before: Value, after: Value): State {
  const cut = graph.op('Concat', [after, graph.op('Sub', [before, after])], { axis: 0 });
  const first = (value: Value) => graph.ops('Split', [value, cut], 2, { axis: 0 })[0]!;
  return { hidden: first(state.hidden), cell: first(state.cell), ...(state.image !== undefined && { image: first(state.image) }) };
}
