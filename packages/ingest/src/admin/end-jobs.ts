import { setTimeout as sleep } from 'node:timers/promises';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type PlannedRun, readPlannedRun, readRun } from '@showtell/shared/planned-run';
import { tellControlChange } from '@showtell/shared/queue/control-events';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import { isLive, jobIds, type Queues, RunJob } from '@showtell/shared/queue/queues';
import { NO_CONTROL } from '@showtell/shared/schema/control';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { RunRecord } from '@showtell/shared/schema/run';
import type { Logger } from 'pino';
import { trainingRequest } from '../training-request';
import { changeControl } from './change-control';
import { dequeue } from './dequeue';

const LOOK_MS = 250;
/** A worker that was told leaves its job soon; one that is dead is believed so when its lock has run out. */
const PATIENCE_MS = 30_000;

export interface EndJobsOptions {
  readonly store: ObjectStore;
  readonly run: string;
  readonly redis: RedisServices | undefined;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Jobs that workers are at: those that have let go, and all. */
  readonly onProgress?: (progress: { readonly step: 'jobs'; readonly done: number; readonly total: number }) => void;
}

/**
 * Cancels a run for good: its control record says so, its jobs are taken out of the queues, failed ones too, and workers that are at some
 * have let go when it resolves. Nothing of it is in Redis then, unless its plan cannot be read: jobs of such a run fail by themselves.
 * @returns the number of jobs that were taken out. @throws ShowtellError `RUN_LOCKED` when a worker does not let go.
 */
export async function endJobs({ store, run: name, redis, logger, signal, onProgress }: EndJobsOptions): Promise<number> {
  const options = signal && { signal };
  const request = await readable(() => readRun(store, name, options));
  const run = request && (await readable(() => readPlannedRun(store, name, options)));
  // Whatever can be read of it: who comes to refer to the run sees it.
  await cancel(store, name, options);
  if (run === undefined || redis === undefined) return 0;
  const { queues } = redis;
  await tellControlChange(queues, name);
  const end = performance.now() + queues.settings.lockSeconds * 1_000 + PATIENCE_MS;
  let jobs = (await removeTrainJob(store, queues, run.request, options)) ? 1 : 0;
  let most = 0;
  for (;;) {
    jobs += (await dequeue({ ...redis, store, run, logger, failed: true, ...options })).removed;
    const active = await takeFromTheDead(queues, run);
    if (active === 0) return jobs;
    most = Math.max(most, active);
    onProgress?.({ step: 'jobs', done: most - active, total: most });
    if (performance.now() > end)
      throw new ShowtellError('RUN_LOCKED', `Workers are still at ${active} jobs of the run ${name}, which is cancelled`, {
        hint: `Look who: showtell status ${name}. Stop them, then say showtell rm ${name} again.`,
      });
    await sleep(LOOK_MS, undefined, options).catch(() => signal?.throwIfAborted());
  }
}

/** What is damaged is removed as well. */
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isShowtellError(error, 'CORRUPT_OBJECT') || isShowtellError(error, 'FORMAT_VERSION')) return undefined;
    throw error;
  }
}

/** Also where the record cannot be read. */
async function cancel(store: ObjectStore, run: string, options?: { readonly signal?: AbortSignal }): Promise<void> {
  const changed = await readable(() => changeControl(store, run, (current) => ({ ...current, state: 'cancelled' }), options));
  if (changed === undefined) await store.put(keys.control(run), encodeRecord({ ...NO_CONTROL, state: 'cancelled' }), options);
}

/** A job that has frozen its training is one of a user of the run, and not this one's. @throws ShowtellError `IN_USE` when it is about to. */
async function removeTrainJob(
  store: ObjectStore,
  queues: Queues,
  run: RunRecord,
  options?: { readonly signal?: AbortSignal },
): Promise<boolean> {
  const training = trainingRequest(run)?.training;
  if (training === undefined || (await store.head(keys.trainingJson(training), options))) return false;
  const jobId = jobIds.train(training);
  const state = await queues.train.getJobState(jobId);
  if (state === 'unknown') return false;
  if ((await queues.train.remove(jobId)) === 1) return isLive(state);
  throw new ShowtellError('IN_USE', `The run ${run.run} is in use by training ${training}, which is beginning right now`);
}

/** Jobs that a worker is at. Those whose lock has run out are taken away: their worker is dead, or will find that it lost them. */
async function takeFromTheDead(queues: Queues, run: PlannedRun): Promise<number> {
  let active = 0;
  for (const queue of [queues.ingest, queues.encode(run.plan.encoder.precision), queues.finalize])
    for (const job of await queue.getActive())
      if (RunJob.safeParse(job.data).data?.run === run.name && (await queue.remove(job.id!)) === 0) active += 1;
  return active;
}
