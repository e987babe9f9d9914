import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { addTrainJob, type Queues } from '@showtell/shared/queue/queues';
import type { DoneRecord, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { readDone } from '../train/done';
import { freezeTraining, type TrainingRequest } from '../train/freeze';

export interface EnqueuedTraining {
  readonly record: TrainingRecord;
  /** Whether this call has frozen the training; otherwise it was there with the same settings. */
  readonly created: boolean;
  /** Whether a job was added; a live one of the same training stays as it is. */
  readonly added: boolean;
  /** How the training has ended already; then there is nothing to add. */
  readonly done: DoneRecord | undefined;
}

/**
 * Freezes a training and adds its job. Doing it again is no error and is also how a lost job comes back: a trainer goes on from
 * the last checkpoint. Errors as of `freezeTraining`.
 */
export async function enqueueTraining(store: ObjectStore, queues: Queues, request: TrainingRequest): Promise<EnqueuedTraining> {
  await store.probe();
  const { record, created } = await freezeTraining(store, request);
  const done = await readDone(store, record.training);
  const added = done === undefined && (await addTrainJob(queues, { training: record.training }));
  return { record, created, added, done };
}
