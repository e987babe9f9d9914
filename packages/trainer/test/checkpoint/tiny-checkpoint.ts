import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { TRAINING_FORMAT, type TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { type Checkpoint, saveCheckpoint } from '../../src/checkpoint/checkpoints';
import { encodeCheckpointFiles } from '../../src/checkpoint/files';
import { Vocabulary } from '../../src/dataset/vocabulary';
import type { TrainingState } from '../../src/engine/engine';
import { architectureOf, initialParameters } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';
import { DIMENSION, ENCODER, TINY } from '../tiny-run';

export const VOCABULARY = Vocabulary.build([['a', 'dog', 'on', 'grass']], 1);

export function trainingRecord(training: string): TrainingRecord {
  return {
    formatVersion: TRAINING_FORMAT,
    training,
    manifests: [{ run: 'tiny', key: 'runs/tiny/manifests/1.json', sha256: 'a'.repeat(64) }],
    encoder: ENCODER,
    preset: 'seed',
    hyperparameters: hyperparametersOf('seed', TINY),
    trainSplits: [{ run: 'tiny', split: 'train' }],
    validationSplits: [{ run: 'tiny', split: 'val' }],
    from: null,
    seed: 7,
  };
}

export function trainingState(step: number): TrainingState {
  const architecture = architectureOf(hyperparametersOf('seed', TINY), DIMENSION, VOCABULARY.size);
  const [weights, m, v] = [step, step + 1, step + 2].map((seed) => initialParameters(architecture, seed));
  return { step, weights: weights!, m: m!, v: v! };
}

/** Commits a checkpoint whose content follows from its step. */
export async function saveTiny(
  store: ObjectStore,
  training: string,
  step: number,
  { leaseEpoch = 1, validationLoss = null }: { leaseEpoch?: number; validationLoss?: number | null } = {},
): Promise<Checkpoint> {
  const cursor = { seed: 7, step, epoch: 0, batch: step, lossSum: step / 3, lossCount: 10 * step, best: null };
  const files = encodeCheckpointFiles(trainingRecord(training), VOCABULARY, cursor, trainingState(step));
  return saveCheckpoint(
    store,
    { training, step, epoch: 0, leaseEpoch, loss: 1 / step, validationLoss, validationCider: null, learningRate: 0.001 },
    files,
  );
}
