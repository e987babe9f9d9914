import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, type PlannedRun, readControl, readControlRecord } from '@showtell/shared/planned-run';
import { redisError, redisHost, redisPrefix } from '@showtell/shared/queue/connection';
import { isLive, jobIds, type Queues, RunJob } from '@showtell/shared/queue/queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import { takeTurns } from '@showtell/shared/queue/turns';
import { reached } from '@showtell/shared/reached';
import { type ControlRecord, priorityOf } from '@showtell/shared/schema/control';
import type { Logger } from 'pino';
import { newestTold } from '../manifest';
import { isTrainingDone } from '../training-request';

const FINALIZER_MS = 250;
/** Jobs asked for or added at once: one round trip each, and Redis is never blocked for long. */
export const LOCATED_AT_ONCE = 500;

/** Where a shard was found, asked in the order in which it travels; `none` and `failed` need a new job. */
export type Whereabouts = 'ingest' | 'encode' | 'committed' | 'failed' | 'none';

export interface AddedJobs {
  readonly state: ControlRecord['state'];
  /** Counts of shards. `failed` ones are among `added` unless nothing was to be added. */
  readonly planned: number;
  readonly committed: number;
  readonly waiting: number;
  readonly failed: number;
  readonly added: number;
}

export interface AddJobsOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly run: PlannedRun;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
  /** Looks and counts what it would add, but adds nothing. */
  readonly dryRun?: boolean;
  /** Shards looked at so far, and planned. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Adds a job for every planned shard that is neither committed nor on its way, and the run's `finalize` job. It is the only place
 * where jobs come from: first enqueueing, recovery after a lost Redis, resume, retry and the finalizer's healing are all this.
 * A paused or cancelled run gets none.
 */
export async function addJobs(options: AddJobsOptions): Promise<AddedJobs> {
  const { queues, run, signal } = options;
  const where = `${redisHost(queues.settings.redis!)} (REDIS_URL)`;
  try {
    if (options.dryRun === true) return await addMissing(options, signal);
    return await withRunLock(
      queues.redis,
      redisPrefix(queues.settings),
      run.name,
      (lock) => addMissing(options, lock),
      signal === undefined ? {} : { signal },
    );
  } catch (error) {
    throw redisError(error, where);
  }
}

async function addMissing(
  { store, queues, run, logger, dryRun = false, onProgress }: AddJobsOptions,
  signal?: AbortSignal,
): Promise<AddedJobs> {
  const options = signal === undefined ? {} : { signal };
  const planned = run.plan.shards.length;
  const { record: control } = await readControlRecord(store, run.name, options);
  const { state } = control;
  const missing = missingShards(run, await listCommitted(store, run.name, options));
  const counts = { state, planned, committed: planned - missing.length, waiting: 0, failed: 0, added: 0 };
  const adds = !dryRun && state === 'running';
  if (missing.length === 0 && (await isFinished(store, run, options))) return counts;

  if (adds) {
    await addFinalize(queues, run.name);
    reached('enqueue:finalize-added', run.name);
  }
  const found = await locate(store, queues, run, missing, signal);
  const absent = missing.filter((_, index) => found[index] === 'none' || found[index] === 'failed');
  counts.committed += count(found, 'committed');
  counts.waiting += count(found, 'ingest') + count(found, 'encode');
  counts.failed += count(found, 'failed');
  for (let start = 0; start < absent.length; start += LOCATED_AT_ONCE) {
    signal?.throwIfAborted();
    const chunk = absent.slice(start, start + LOCATED_AT_ONCE);
    if (adds) await addIngest(queues, run, chunk, priorityOf(control));
    counts.added += chunk.length;
    onProgress?.(planned - absent.length + counts.added, planned);
  }
  if (state !== 'running') return { ...counts, added: 0 };
  if (adds) logger.debug({ run: run.name, ...counts }, 'added jobs');
  return counts;
}

/** What `addJobs` would find of a run in the store alone. */
export async function countMissing(store: ObjectStore, run: PlannedRun, options?: { readonly signal?: AbortSignal }): Promise<AddedJobs> {
  const planned = run.plan.shards.length;
  const state = await readControl(store, run.name, options);
  const committed = planned - missingShards(run, await listCommitted(store, run.name, options)).length;
  return { state, planned, committed, waiting: 0, failed: 0, added: state === 'running' ? planned - committed : 0 };
}

const count = (found: readonly Whereabouts[], what: Whereabouts) => found.filter((place) => place === what).length;

/**
 * Finds shards, one place for each: a live ingest job, then a live encode job, then the commit record as it is now. Asked in the order
 * of the flow, because a stage adds to the next before it lets go: a shard on its way is never missed. Records are listed, a thousand
 * by one request: a run begins with as many absent ones as it has shards.
 */
export async function locate(
  store: ObjectStore,
  queues: Queues,
  run: PlannedRun,
  shards: readonly number[],
  signal?: AbortSignal,
): Promise<Whereabouts[]> {
  const ids = shards.map((shard) => jobIds.shard(run.name, shard));
  const ingest = await statesOf(queues.ingest, ids, signal);
  const encode = await statesOf(queues.encode(run.plan.encoder.precision), ids, signal);
  const alive = ids.every((_, index) => isLive(ingest[index]!) || isLive(encode[index]!));
  const committed = alive ? undefined : await listCommitted(store, run.name, signal && { signal });
  return shards.map((shard, index) => {
    if (isLive(ingest[index]!)) return 'ingest';
    if (isLive(encode[index]!)) return 'encode';
    if (committed?.has(shard)) return 'committed';
    return ingest[index] === 'failed' || encode[index] === 'failed' ? 'failed' : 'none';
  });
}

async function statesOf(queue: Queues['ingest'], ids: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const states: string[] = [];
  for (let start = 0; start < ids.length; start += LOCATED_AT_ONCE) {
    signal?.throwIfAborted();
    states.push(...(await Promise.all(ids.slice(start, start + LOCATED_AT_ONCE).map((id) => queue.getJobState(id)))));
  }
  return states;
}

/** What is left of a failed or completed job of this id goes first: BullMQ would take the new one for a duplicate. */
async function addIngest(queues: Queues, run: PlannedRun, shards: readonly number[], priority: number): Promise<void> {
  const encode = queues.encode(run.plan.encoder.precision);
  const ids = shards.map((shard) => jobIds.shard(run.name, shard));
  await Promise.all(ids.flatMap((id) => [queues.ingest.remove(id), encode.remove(id)]));
  reached('enqueue:jobs-removed', run.name);
  const turns = await takeTurns({ redis: queues.redis, queue: queues.ingest }, run.name, priority, shards.length);
  await queues.ingest.addBulk(
    shards.map((shard, index) => ({
      name: 'ingest',
      data: { run: run.name, shard },
      opts: { jobId: ids[index]!, priority: turns[index]! },
    })),
  );
  reached('enqueue:jobs-added', run.name);
}

export async function addFinalize(queues: Queues, run: string): Promise<void> {
  const jobId = jobIds.finalize(run);
  const state = await queues.finalize.getJobState(jobId);
  if (isLive(state)) {
    // Its next look may be a minute away, and jobs are about to be added.
    const job = await queues.finalize.getJob(jobId);
    if (RunJob.safeParse(job?.data).data?.stuck) await job!.updateData({ ...job!.data, stuck: false });
    return;
  }
  if (state !== 'unknown') await queues.finalize.remove(jobId);
  await queues.finalize.add('finalize', { run }, { jobId });
}

/**
 * For who has just changed what a finalizer goes by, before `addJobs`. One at work may have read commit records that were taken away,
 * or that the run is paused, and is about to end: `addJobs` would take it for the one that waits for what is missing. One that died at
 * work begins anew, and needs no waiting for.
 */
export async function untilFinalizerRests(queues: Queues, run: string, signal?: AbortSignal): Promise<void> {
  const { lockSeconds, stalledSeconds } = queues.settings;
  const last = performance.now() + (lockSeconds + 2 * stalledSeconds) * 1_000;
  while ((await queues.finalize.getJobState(jobIds.finalize(run))) === 'active' && performance.now() < last)
    await sleep(FINALIZER_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
}

/** Whether nothing is left to do for a run whose shards are all committed. */
export async function isFinished(store: ObjectStore, run: PlannedRun, options: { readonly signal?: AbortSignal }): Promise<boolean> {
  return (await newestTold(store, run, options)).told && (await isTrainingDone(store, run.request, options));
}
