import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPlannedRun } from '@showtell/shared/planned-run';
import { hastenFinalize, type Queues } from '@showtell/shared/queue/queues';
import type { ControlRecord } from '@showtell/shared/schema/control';
import type { Logger } from 'pino';
import { type AddedJobs, addJobs, untilFinalizerRests } from './add-jobs';
import { changeControl } from './change-control';

export interface ResumeOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly run: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

export interface Resumed {
  readonly run: string;
  readonly before: ControlRecord['state'];
  readonly shards: AddedJobs;
}

/**
 * Lets a paused or cancelled run go on: jobs are added for all that is not committed, behind what is served now. A run that goes on
 * already may have lost its jobs to a resume that was killed, so it is looked at, too.
 * @throws ShowtellError `NOT_FOUND`, `USAGE`, `RUN_LOCKED`, `REDIS_*`.
 */
export async function resumeRun({ store, queues, run: name, logger, signal }: ResumeOptions): Promise<Resumed> {
  const options = signal && { signal };
  const run = await findPlannedRun(store, name, options);
  const { before } = await changeControl(store, name, (current) => ({ ...current, state: 'running' }), options);
  if (before.state !== 'running') await untilFinalizerRests(queues, name, signal);
  const shards = await addJobs({ store, queues, run, logger, ...options });
  // A shard that a worker is just leaving is neither waiting nor done: the finalizer sees to it, at once.
  await hastenFinalize(queues, name);
  return { run: name, before: before.state, shards };
}
