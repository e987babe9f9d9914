import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { reached } from '@showtell/shared/reached';
import type { AliasRecord } from '@showtell/shared/schema/checkpoint';
import { moveAlias } from './aliases';
import type { Checkpoint } from './checkpoints';

/** What a checkpoint is the best in so far. */
export interface Best {
  readonly metric: NonNullable<AliasRecord['metric']>;
  readonly split: string;
}

export interface Publisher {
  readonly leaseEpoch: number;
  readonly by: string;
  /** `null` for a checkpoint that is not the best. */
  readonly best: Best | null;
}

/**
 * Moves the trainer's own aliases: `latest` forwards, `best` to a checkpoint that is the best so far. Doing it again changes nothing, so a
 * trainer that resumes does it for the checkpoint that it found, in case its predecessor died between commit and aliases.
 */
export async function publishCheckpoint(store: ObjectStore, checkpoint: Checkpoint, { leaseEpoch, by, best }: Publisher): Promise<void> {
  const { record } = checkpoint;
  reached('checkpoint:before-aliases', record.training);
  // A predecessor that lost its lease may have come further before it noticed; aliases wait until it is overtaken.
  const move = { checkpoint, leaseEpoch, by, keeps: (current: AliasRecord) => current.step > record.step };
  await moveAlias(store, record.training, {
    ...move,
    alias: 'latest',
    metric: { name: 'loss', value: record.loss },
    split: null,
    reason: 'newest checkpoint',
  });
  reached('checkpoint:latest-moved', record.training);
  if (best) await moveAlias(store, record.training, { ...move, alias: 'best', ...best, reason: `best ${best.metric.name}` });
}
