import { z } from 'zod';
import { EncoderIdentity } from './encoder-identity';
import { Count, Sha256 } from './record';

export const TRAINING_FORMAT = 2;
export const CHECKPOINT_FORMAT = 2;

/** Wider, the weights and moments of one matrix alone would not fit into the arrays of this machine. */
const MOST_WIDE = 8_192;

/** More would leave next to nothing to learn from. */
const MOST_DROPPED = 0.95;

/** Wider, a beam only takes longer. */
const MOST_HYPOTHESES = 1_000;

/** Longer than any caption that is taken: a model from somewhere that never ends one must not be followed for ever. */
const MOST_TOKENS = 10_000;

/** How captions are made. */
export const DecodingSettings = z.strictObject({
  /** Most tokens of a caption, END counted; training drops captions of more words. */
  maxLength: z.int().positive().max(MOST_TOKENS),
  /** Captions that are followed at once; 1 is greedy, the likeliest word at each step. */
  beam: z.int().positive().max(MOST_HYPOTHESES),
  /** Captions found by the beam are compared by log-probability / tokens ^ this; 0 prefers short ones. */
  lengthNormalization: z.number().min(0).max(10),
  /** Whether the word for unknown words is never said. */
  blockUnknown: z.boolean(),
  /** Length of the runs of words that may not come twice in a caption; 0 allows all. */
  blockRepeats: z.int().min(0),
});
export type DecodingSettings = z.infer<typeof DecodingSettings>;

/** Everything that shapes a fit. Sizes are units; rates are per step. */
export const Hyperparameters = z.strictObject({
  units: z.int().positive().max(MOST_WIDE),
  embedding: z.int().positive().max(MOST_WIDE),
  /**
   * Where the photo enters: as the LSTM's first state; as its first input, before START, with states of zero;
   * or as its first state and again beside every word.
   */
  image: z.enum(['state', 'first-input', 'every-input']),
  /** Of the dense layer from the feature into the network. */
  imageActivation: z.enum(['elu', 'linear']),
  /** Features less the mean of the training features, by their deviation; both are kept with the weights. */
  standardize: z.boolean(),
  /** Layer normalisation in the LSTM: of what input and state contribute to the gates, and of the cell before the output. */
  layerNorm: z.boolean(),
  /** Whether words are scored by the vectors that they are read as. */
  tiedEmbeddings: z.boolean(),
  /** Probability that a number of the LSTM's input or output is dropped in training. */
  dropout: z.number().min(0).max(MOST_DROPPED),
  /** Largest probability that a word read in training is the model's own; it grows to it from 0 over the training. */
  scheduledSampling: z.number().min(0).max(1),
  /** Part of the probability that training wants spread evenly over all tokens. */
  labelSmoothing: z.number().min(0).max(MOST_DROPPED),
  batchSize: z.int().positive(),
  epochs: z.int().positive(),
  learningRate: z.number().positive(),
  /** How the learning rate goes on after the warm-up: see `finalLearningRate`, `decayEvery` and `decayFactor`. */
  schedule: z.enum(['constant', 'linear', 'cosine', 'step']),
  /** Steps in which the learning rate grows from nothing to `learningRate`. */
  warmupSteps: z.int().nonnegative(),
  /** What schedules `linear` and `cosine` end with. */
  finalLearningRate: z.number().nonnegative(),
  /** Steps after which schedule `step` multiplies the rate by `decayFactor`, again and again. */
  decayEvery: z.int().positive(),
  decayFactor: z.number().positive().max(1),
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: z.number().positive(),
  /** Where epsilon is added: Keras adds it to the root of Adam's second moment as it is, PyTorch to the root of the corrected one. */
  epsilonForm: z.enum(['keras', 'pytorch']),
  /** Decoupled weight decay (AdamW): each step weights lose this part of themselves times the learning rate. Biases and gains do not. */
  weightDecay: z.number().nonnegative(),
  /** Global norm above which gradients are scaled down; `null` for never. */
  clipNorm: z.number().positive().nullable(),
  /** A word enters the vocabulary when it occurs at least this often in the training captions. */
  minWordCount: z.int().positive(),
  ...DecodingSettings.shape,
  /** What is trained for: likely training captions, or captions of the captioner's own that have a high CIDEr-D. */
  objective: z.enum(['cross-entropy', 'self-critical']),
  /** What a drawn caption must be better than: the greedy one, or the mean of the others of its image. */
  baseline: z.enum(['greedy', 'mean']),
  /** Captions drawn of each image; `batchSize` counts images then. */
  samples: z.int().positive().max(1_000),
  /** What `best` is best in, on the validation splits: CIDEr-D of greedy captions (the higher the better), or the loss per real token. */
  validationMetric: z.enum(['CIDEr', 'loss']),
  /** Epochs without a better one after which a training ends; `null` for never. */
  patience: z.int().positive().nullable(),
  /**
   * Images whose captions are shuffled together, for features that memory cannot hold: whole shards, in an order of each epoch's own,
   * until there are so many. `null` for all of them.
   */
  shuffleWindow: z.int().positive().nullable(),
});
export type Hyperparameters = z.infer<typeof Hyperparameters>;

/** Key of a checkpoint's folder, as records name it: nobody's word leads elsewhere. */
const CheckpointFolder = z
  .string()
  .regex(/^trainings\/[a-z0-9][a-z0-9-]{0,62}\/checkpoints\/\d{8,}-\d+\/$/, 'expected the key of a checkpoint’s folder');

export const SplitOfRun = z.strictObject({ run: z.string(), split: z.string() });
export type SplitOfRun = z.infer<typeof SplitOfRun>;

/** `trainings/<name>/training.json`: the frozen config. It claims the training's name. */
export const TrainingRecord = z.strictObject({
  formatVersion: z.literal(TRAINING_FORMAT),
  training: z.string(),
  /** One for each run that is trained on or validated on. */
  manifests: z.array(z.strictObject({ run: z.string(), key: z.string(), sha256: Sha256 })).min(1),
  /** Of all those runs. */
  encoder: EncoderIdentity,
  preset: z.string(),
  hyperparameters: Hyperparameters,
  trainSplits: z.array(SplitOfRun).min(1),
  /** Empty where nothing is validated. */
  validationSplits: z.array(SplitOfRun),
  /** The checkpoint that weights and vocabulary come from, and the name it was asked for by; `null` for fresh ones. */
  from: z.strictObject({ model: z.string(), checkpoint: CheckpointFolder, sha256: Sha256 }).nullable(),
  seed: z.int(),
});
export type TrainingRecord = z.infer<typeof TrainingRecord>;

/** Of a file in a checkpoint's folder, and never of one elsewhere. */
const FileName = z.string().regex(/^[a-z][a-z0-9.-]*$/, 'expected the name of a file');

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
  /** CIDEr-D of greedy captions of the validation splits. */
  validationCider: z.number().nullable(),
  /** Of the last step. */
  learningRate: z.number(),
  files: z.record(FileName, z.object({ bytes: Count, sha256: Sha256 })),
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
  checkpoint: CheckpointFolder,
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
