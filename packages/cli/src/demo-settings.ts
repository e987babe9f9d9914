import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';

/** What `showtell demo` runs. The preset's architecture is left as it is. */
export const DEMO = {
  source: 'synthetic:1700',
  weights: 'bundled',
  preset: 'seed',
  hyperparameters: { batchSize: 64, epochs: 16, learningRate: 1e-3, minWordCount: 1, maxLength: 20 } satisfies Partial<Hyperparameters>,
} as const;
