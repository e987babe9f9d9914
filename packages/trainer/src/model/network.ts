import type { Graph, Value } from '@showtell/shared/onnx/graph';
import { type Architecture, type MatrixName, matrixShape } from './parameters';

/** What the network remembers between two inputs; of each [rows, …]. */
export interface State {
  /** [rows, U] */
  readonly hidden: Value;
  /** [rows, U] */
  readonly cell: Value;
  /** [rows, 4U]: what the photo adds to the gates at every input, where it does. */
  readonly image?: Value;
}

/** Where scores come from: rows · matrix, or rows · matrixᵀ + bias. */
export interface Projection {
  /** [N, K] */
  readonly rows: Value;
  /** [K, V], or [V, K] */
  readonly matrix: Value;
  /** [V], where words are scored by their embeddings; otherwise the matrix' last row is the bias. */
  readonly bias?: Value;
}

export type Weights = (name: MatrixName) => Value;

/** Weights as inputs of a graph by the names of the matrices, each declared when it is first used; `used` tells which have been. */
export function weightInputs(graph: Graph, architecture: Architecture): { readonly of: Weights; readonly used: readonly MatrixName[] } {
  const used: MatrixName[] = [];
  const of = (name: MatrixName) => {
    if (used.includes(name)) return name;
    used.push(name);
    return graph.input(name, 'float32', matrixShape(name, architecture));
  };
  return { of, used };
}

/** As Keras has it; added to the variance. */
export const NORM_EPSILON = 1e-3;

/**
 * The captioner's network, part by part, as nodes of a graph. Training, evaluation and decoding put the same parts together:
 *
 * ```
 * photo = image(features)
 * state = begin(photo)                     'state', 'every-input': h = c = photo; 'first-input': h = c = 0
 * state = next(input(photo), state)        'first-input' alone
 * for every word: state = next(input(embed(word)), state); scores = logits(output(state.hidden))
 * ```
 */
export class Network {
  constructor(
    readonly graph: Graph,
    readonly architecture: Architecture,
    private readonly weights: Weights,
  ) {}

  /** Whether the photo is read before START, like a word. */
  get imageIsInput(): boolean {
    return this.architecture.image === 'first-input';
  }

  /** Photos as the network sees them: activation(feature · kernel + bias), [B, U]; [B, E] where they are read like words. */
  image(features: Value): Value {
    const { graph, weights } = this;
    const { standardize, imageActivation } = this.architecture;
    const centred = standardize ? graph.op('Div', [graph.op('Sub', [features, weights('mean')]), weights('deviation')]) : features;
    const dense = graph.op('Gemm', [this.withOnes(centred), weights('encoder')]);
    return imageActivation === 'elu' ? graph.op('Elu', [dense]) : dense;
  }

  /** The state before anything is read. */
  begin(image: Value): State {
    const { graph, weights } = this;
    if (this.imageIsInput) {
      const rows = graph.op('Shape', [image], { start: 0, end: 1 });
      const zeros = graph.op('ConstantOfShape', [graph.op('Concat', [rows, graph.int([this.architecture.units])], { axis: 0 })]);
      return { hidden: zeros, cell: zeros };
    }
    const state = { hidden: image, cell: image };
    return this.architecture.image === 'every-input' ? { ...state, image: graph.op('Gemm', [image, weights('imageGates')]) } : state;
  }

  /** Tokens' vectors, [N, E]. */
  embed(tokens: Value): Value {
    return this.graph.op('Gather', [this.weights('embedding'), tokens], { axis: 0 });
  }

  /** What inputs, [N, E], contribute to the gates: input · kernel + bias, [N, 4U]. With layer normalisation the bias comes after it. */
  input(vectors: Value): Value {
    const { graph, weights } = this;
    return graph.op('Gemm', [this.architecture.layerNorm ? vectors : this.withOnes(vectors), weights('lstm')]);
  }

  /**
   * One LSTM step as Keras has it: gates in the order input, forget, cell, output. Layer normalisation is that of Ba, Kiros and Hinton
   * (2016): of what the input and what the state contribute to the gates, each for itself, and of the cell on its way to the output.
   */
  next(input: Value, { hidden, cell, image }: State): State {
    const { graph, weights } = this;
    const added = image === undefined ? input : graph.op('Add', [input, image]);
    const gates = this.architecture.layerNorm
      ? graph.op('Add', [
          this.normalized(graph.op('Gemm', [hidden, weights('recurrent')]), [weights('recurrentGain')]),
          this.normalized(added, [weights('inputGain'), weights('inputBias')]),
        ])
      : graph.op('Gemm', [hidden, weights('recurrent'), added]);
    const [entry, forget, candidate, exit] = graph.ops('Split', [gates], 4, { axis: 1 }) as [Value, Value, Value, Value];
    const kept = graph.op('Mul', [graph.op('Sigmoid', [forget]), cell]);
    const learned = graph.op('Mul', [graph.op('Sigmoid', [entry]), graph.op('Tanh', [candidate])]);
    const next = graph.op('Add', [kept, learned]);
    const shown = this.architecture.layerNorm ? this.normalized(next, [weights('cellGain'), weights('cellBias')]) : next;
    return {
      hidden: graph.op('Mul', [graph.op('Sigmoid', [exit]), graph.op('Tanh', [shown])]),
      cell: next,
      ...(image !== undefined && { image }),
    };
  }

  /** What every token is scored by: hidden · kernel + bias, or (hidden · projection) · embeddingsᵀ + bias. */
  output(hidden: Value): Projection {
    const { graph, weights } = this;
    const { tiedEmbeddings, units, embedding } = this.architecture;
    if (!tiedEmbeddings) return { rows: this.withOnes(hidden), matrix: weights('output') };
    const rows = units === embedding ? hidden : graph.op('Gemm', [hidden, weights('projection')]);
    return { rows, matrix: weights('embedding'), bias: weights('outputBias') };
  }

  /** Appends a column of ones, so that a bias is the last row of its kernel and its gradient comes with the kernel's. */
  private withOnes(rows: Value): Value {
    const { graph } = this;
    const shape = graph.op('Concat', [graph.op('Shape', [rows], { start: 0, end: 1 }), graph.int([1])], { axis: 0 });
    return graph.op('Concat', [rows, graph.op('Expand', [graph.float(1), shape])], { axis: 1 });
  }

  /** (x − mean) / √(variance + ε) · gain (+ bias), over the columns of each row. */
  private normalized(rows: Value, gainAndBias: readonly Value[]): Value {
    return this.graph.ops('LayerNormalization', [rows, ...gainAndBias], 3, { axis: 1, epsilon: { float: NORM_EPSILON } })[0]!;
  }
}

/** Scores of every token, [N, V]. */
export function logits(graph: Graph, { rows, matrix, bias }: Projection): Value {
  return bias === undefined ? graph.op('Gemm', [rows, matrix]) : graph.op('Gemm', [rows, matrix, bias], { transB: 1 });
}
