import { z } from 'zod';
import { EncoderIdentity } from './encoder-identity';
import { Count, Sha256 } from './record';

export const TRAINING_FORMAT = 1;
export const CHECKPOINT_FORMAT = 1;

/** Wider, the weights and moments of one matrix alone would not fit into the arrays of this machine. */
const MOST_WIDE = 8_192;

/** Everything that shapes a fit. Sizes are units; rates are per step. */
export const Hyperparameters = z.strictObject({
  units: z.int().positive().max(MOST_WIDE),
  embedding: z.int().positive().max(MOST_WIDE),
  batchSize: z.int().positive(),
  epochs: z.int().positive(),
  learningRate: z.number().positive(),
  beta1: z.number(),
  beta2: z.number(),
  epsilon: z.number(),
  /** Global norm above which gradients are scaled down; `null` for never. */
  clipNorm: z.number().positive().nullable(),
  /** A word enters the vocabulary when it occurs at least this often in the training captions. */
  minWordCount: z.int().positive(),
  /** Longest caption in words that is trained on and decoded. */
  maxLength: z.int().positive(),
});
export type Hyperparameters = z.infer<typeof Hyperparameters>;

/** `trainings/<name>/training.json`: the frozen config. It claims the training's name. */
export const TrainingRecord = z.strictObject({
  formatVersion: z.literal(TRAINING_FORMAT),
  training: z.string(),
  run: z.string(),
  manifest: z.strictObject({ key: z.string(), sha256: Sha256 }),
  encoder: EncoderIdentity,
  preset: z.string(),
  hyperparameters: Hyperparameters,
  trainSplit: z.string(),
  validationSplit: z.string().nullable(),
  seed: z.int(),
});
export type TrainingRecord = z.infer<typeof TrainingRecord>;

/** `COMMIT.json` of a checkpoint, written last: file → what must be found there. A checkpoint without it does not exist. */
export const CheckpointRecord = z.object({
  formatVersion: z.literal(CHECKPOINT_FORMAT),
  training: z.string(),
  step: Count,
  epoch: Count,
  leaseEpoch: Count,
  /** Mean loss per real token over the epoch so far, and on the validation split (natural logarithm). */
  loss: z.number(),
  validationLoss: z.number().nullable(),
  files: z.record(z.string(), z.object({ bytes: Count, sha256: Sha256 })),
});
export type CheckpointRecord = z.infer<typeof CheckpointRecord>;

/** `trainings/<name>/lease.json`: who trains. `beat` changes with every renewal; watchers judge by their own monotonic clock. */
export const LeaseRecord = z.object({
  formatVersion: z.literal(TRAINING_FORMAT),
  epoch: Count,
  holder: z.string(),
  beat: Count,
  released: z.boolean(),
});
export type LeaseRecord = z.infer<typeof LeaseRecord>;

/** `trainings/<name>/aliases/<alias>.json`. `checkpoint` is the checkpoint's folder key; `sha256` that of its COMMIT.json. */
export const AliasRecord = z.object({
  formatVersion: z.literal(TRAINING_FORMAT),
  checkpoint: z.string(),
  sha256: Sha256,
  step: Count,
  leaseEpoch: Count,
  metric: z.object({ name: z.string(), value: z.number() }).nullable(),
  split: z.string().nullable(),
  by: z.string(),
  at: z.string(),
  reason: z.string(),
  previous: z.string().nullable(),
});
export type AliasRecord = z.infer<typeof AliasRecord>;

/** `trainings/<name>/done.json`: how a training ended. */
export const DoneRecord = z.object({
  formatVersion: z.literal(TRAINING_FORMAT),
  outcome: z.enum(['completed', 'diverged']),
  step: Count,
  epoch: Count,
  reason: z.string(),
});
export type DoneRecord = z.infer<typeof DoneRecord>;
