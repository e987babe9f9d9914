import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { moveAlias } from './aliases';
import type { Checkpoint } from './checkpoints';

export interface Publisher {
  readonly leaseEpoch: number;
  readonly by: string;
  readonly validationSplit: string | null;
}

/**
 * Moves the trainer's own aliases: `latest` forwards, `best` to a lower validation loss. Doing it again changes nothing, so a
 * trainer that resumes does it for the checkpoint that it found, in case its predecessor died between commit and aliases.
 */
export async function publishCheckpoint(store: ObjectStore, checkpoint: Checkpoint, publisher: Publisher): Promise<void> {
  const { record } = checkpoint;
  const { leaseEpoch, by } = publisher;
  await moveAlias(store, record.training, {
    alias: 'latest',
    checkpoint,
    leaseEpoch,
    metric: { name: 'loss', value: record.loss },
    split: null,
    by,
    reason: 'newest checkpoint',
    // A predecessor that lost its lease may have come further before it noticed; `latest` waits until it is overtaken.
    keeps: (current) => current.step > record.step,
  });
  const { validationLoss } = record;
  if (validationLoss === null) return;
  await moveAlias(store, record.training, {
    alias: 'best',
    checkpoint,
    leaseEpoch,
    metric: { name: 'validationLoss', value: validationLoss },
    split: publisher.validationSplit,
    by,
    reason: 'lowest validation loss',
    keeps: (current) => current.metric !== null && current.metric.value <= validationLoss,
  });
}
