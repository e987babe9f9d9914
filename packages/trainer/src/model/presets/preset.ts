import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';

/** A named choice of everything that shapes a fit. */
export interface Preset {
  readonly name: string;
  readonly description: string;
  readonly hyperparameters: Hyperparameters;
}
