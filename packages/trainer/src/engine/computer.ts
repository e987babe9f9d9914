import type { Regularization } from '../model/captioner';
import type { MASKS } from '../model/dropout';
import type { PackedBatch } from '../model/packed-batch';
import type { ParameterBuffer } from '../model/parameter-buffer';
import type { Architecture } from '../model/parameters';
import type { SampledPlaces } from '../model/scheduled-sampling';

/** What one step is computed from. */
export interface StepInputs {
  readonly packed: PackedBatch;
  /** What dropout leaves, row-major, see `dropout.ts`; absent where nothing is dropped. */
  readonly masks?: Readonly<Record<keyof typeof MASKS, Float32Array>>;
  /** The tokens that the network's own words take the place of; absent where there are none. */
  readonly sampled?: SampledPlaces;
}

/** What a step gives besides the gradients; N is the number of tokens read. */
export interface StepOutputs {
  /** [N]: loss of each target */
  readonly losses: Float32Array;
  /** [N, E]: gradient of each read token's vector */
  readonly embedded: Float32Array;
  /** [N]: the tokens read, sampled ones among them */
  readonly tokens: BigInt64Array;
}

/**
 * The network's losses and gradients as a library computes them; all the rest of training is the same for every library. Weights are
 * read where they lie, and change between two calls. Calls do not overlap.
 */
export interface Computer {
  /**
   * Forward and backward: gradients of Σ weight · loss, of every matrix that a product is made with, overwrite those in
   * `ComputerOptions.gradients`. What is looked up by token comes back as it is.
   */
  gradients(inputs: StepInputs): Promise<StepOutputs>;
  /** Forward only, with nothing dropped, sampled or smoothed: [N]. */
  losses(packed: PackedBatch): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface ComputerOptions {
  readonly architecture: Architecture;
  /** Steps of the longest caption, its end counted. */
  readonly steps: number;
  readonly regularization: Regularization;
  readonly weights: ParameterBuffer;
  readonly gradients: ParameterBuffer;
  /** Of the CPU; 0 for every core. */
  readonly threads: number;
}

export type OpenComputer = (options: ComputerOptions) => Promise<Computer>;
