import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';

/** Captions with the features of their photos; row `r` of `features` belongs to `captions[r]`. Rows may come in any order. */
export interface Batch {
  /** Row-major [rows, dimension]. */
  readonly features: Float32Array;
  /** Token ids `START w1 … wn END`. The network reads all but the last and is scored on all but the first. */
  readonly captions: readonly Int32Array[];
  /**
   * A weight for each scored token, `captions[r].length - 1` of them: loss = Σ weight · −log p.
   * Absent: 1/N each, N the scored tokens of the batch, which makes the loss the mean per token.
   */
  readonly weights?: readonly Float32Array[];
}

export interface StepResult {
  /** Loss before the step, natural logarithm: the mean per real token, or the weighted sum where the batch has weights. */
  readonly loss: number;
  /** Scored tokens of the batch. */
  readonly tokens: number;
  /** Global norm of all gradients together, before clipping. */
  readonly gradientNorm: number;
  /** The rate that the schedule has for this step. */
  readonly learningRate: number;
  /** False when the loss, or the square of a gradient, is not finite in float32: then weights, moments and step number are as before. */
  readonly applied: boolean;
}

export interface Evaluation {
  /** Σ −log p over the scored tokens (batch weights are not looked at). */
  readonly lossSum: number;
  readonly tokens: number;
}

/** Everything that a step changes. Tensors carry Keras' names, see `model/parameters.ts`. */
export interface TrainingState {
  /** Steps applied so far. */
  readonly step: number;
  readonly weights: ReadonlyMap<string, NamedTensor>;
  /** Adam's first and second moments, of the shapes of the weights. */
  readonly m: ReadonlyMap<string, NamedTensor>;
  readonly v: ReadonlyMap<string, NamedTensor>;
}

/** What a training is made of. */
export interface TrainingEngineOptions {
  readonly hyperparameters: Hyperparameters;
  /** Words with PAD, START, END and UNKNOWN. */
  readonly vocabularySize: number;
  /** Length of a feature. */
  readonly dimension: number;
  /** Steps of the whole training, which schedules of the learning rate end with. */
  readonly totalSteps: number;
  /** Threads of the CPU; 0 for every core. Runs on other counts may differ in the last bits. */
  readonly threads: number;
  /** Weights to begin with, by Keras' names. Absent: fresh ones from the seed. */
  readonly initial?: ReadonlyMap<string, NamedTensor>;
  readonly seed: number;
}

export type CreateTrainingEngine = (options: TrainingEngineOptions) => Promise<TrainingEngine>;

/** One training in memory. Calls do not overlap: await each before the next. */
export interface TrainingEngine {
  /** Forward, backward, clipping and Adam on one batch. */
  step(batch: Batch): Promise<StepResult>;
  /** Forward only. */
  evaluate(batch: Batch): Promise<Evaluation>;
  /** A copy of the weights, by Keras' names. */
  weights(): ReadonlyMap<string, NamedTensor>;
  /** A copy. Loading it into an engine of the same sizes continues bit for bit as if never stopped. */
  state(): TrainingState;
  load(state: TrainingState): void;
  close(): Promise<void>;
}
