import { commit } from '@showtell/shared/commit';
import { isShowtellError } from '@showtell/shared/errors';
import { canonicalJson } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, type PlannedRun, type PlannedRuns, readControl } from '@showtell/shared/planned-run';
import type { JobContext } from '@showtell/shared/queue/processor';
import { addTrainJob, type Queues, type RunJob } from '@showtell/shared/queue/queues';
import { reached } from '@showtell/shared/reached';
import type { ManifestRecord, Repaired } from '@showtell/shared/schema/manifest';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { DelayedError } from 'bullmq';
import type { Logger } from 'pino';
import { addJobs, LOCATED_AT_ONCE, locate } from './admin/add-jobs';
import { readCommits } from './commits';
import { buildManifest, newestManifest } from './manifest';
import { isTrainingDone, trainingRequest } from './training-request';
import { readRepaired } from './voids';

export interface FinalizeServices {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly runs: PlannedRuns;
  readonly logger: Logger;
}

const FIRST_WAIT = 1;
const LAST_WAIT = 60;

/** Makes the manifest once every planned shard is committed; until then looks again later. It trusts the store, not a counter. */
export async function finalizeRun(data: RunJob, context: JobContext<RunJob>, services: FinalizeServices): Promise<void> {
  const { store, queues, runs, logger } = services;
  const { signal } = context;
  const run = await runs.get(data.run, { signal });
  if ((await readControl(store, run.name, { signal })) !== 'running') return;
  const committed = await listCommitted(store, run.name, { signal });
  const missing = missingShards(run, committed);
  if (missing.length > 0) return lookAgain(run, missing, committed.size, data, context, services);
  // Before the commits: of a shard that is taken away in between, the next manifest tells.
  const repaired = await readRepaired(store, run, { signal });
  const commits = await readCommits(store, run.name, { signal });
  const gone = missingShards(run, commits);
  if (gone.length > 0) return lookAgain(run, gone, commits.size, data, context, services);
  reached('finalize:read', run.name);
  const manifest = await writeManifest(store, run, commits, repaired, signal);
  // What another finalizer wrote first may tell of more than was read here.
  if (manifest === undefined) return finalizeRun(data, context, services);
  logger.info({ run: run.name, manifest: manifest.number, rows: rowsOf(manifest), rejected: manifest.rejected }, 'the run is complete');
  const request = trainingRequest(run.request);
  if (request && !(await isTrainingDone(store, run.request, { signal })) && (await addTrainJob(queues, request)))
    logger.info({ run: run.name, training: request.training }, 'enqueued the training');
}

const rowsOf = (manifest: ManifestRecord) => manifest.shards.reduce((sum, { rows }) => sum + rows, 0);

async function lookAgain(
  run: PlannedRun,
  missing: readonly number[],
  committed: number,
  data: RunJob,
  { job, token, signal }: JobContext<RunJob>,
  { store, queues, logger }: FinalizeServices,
): Promise<never> {
  const moves = committed > (data.seen ?? committed) && !data.lost;
  // Of a run that moves a sample is enough to notice a lost queue; asking for 100,000 jobs again and again would hold it up.
  const places = new Set(await locate(store, queues, run, moves ? missing.slice(0, LOCATED_AT_ONCE) : missing, signal));
  let lost = places.has('none') ? (data.lost ?? 0) + 1 : 0;
  const stuck = !moves && places.size === 1 && places.has('failed');
  if (stuck && !data.stuck)
    logger.error({ code: 'RUN_STUCK', run: run.name, missing: missing.length }, 'every missing shard has failed for good');
  if (lost >= 2) {
    lost = 0;
    await heal(run, store, queues, logger, signal);
  }
  const wait = lost > 0 ? FIRST_WAIT : nextWait(data, committed, missing.length);
  await job.updateData({ run: run.name, wait, seen: committed, lost, stuck });
  await job.moveToDelayed(Date.now() + wait * 1_000, token);
  throw new DelayedError();
}

/** Shards that nobody works on, twice running: their jobs were lost (a Redis restored from an old copy, jobs removed by hand). */
async function heal(run: PlannedRun, store: ObjectStore, queues: Queues, logger: Logger, signal: AbortSignal): Promise<void> {
  try {
    const { added } = await addJobs({ store, queues, run, logger, signal });
    logger.warn({ run: run.name, added }, 'jobs were missing from the queue and were added again');
  } catch (error) {
    // Somebody is enqueueing the run at this moment, which is the same mend.
    if (!isShowtellError(error, 'RUN_LOCKED')) throw error;
  }
}

/**
 * Seconds until the next look: half of what is left to do at the pace since the last look, so that the end is seen about when it
 * comes; without any progress, twice the last wait. From 1 to 60.
 */
export function nextWait({ wait, seen }: Pick<RunJob, 'wait' | 'seen'>, committed: number, missing: number): number {
  if (wait === undefined) return FIRST_WAIT;
  const progress = committed - (seen ?? 0);
  const next = progress > 0 ? (missing * wait) / progress / 2 : wait * 2;
  return Math.min(LAST_WAIT, Math.max(FIRST_WAIT, next));
}

/** Commits manifest k + 1, or k = 1, unless the newest already says the same. `undefined` when another finalizer took the number. */
async function writeManifest(
  store: ObjectStore,
  run: PlannedRun,
  commits: ReadonlyMap<number, CommitRecord>,
  repaired: readonly Repaired[],
  signal: AbortSignal,
): Promise<ManifestRecord | undefined> {
  const { number, manifest: latest } = await newestManifest(store, run.name, { signal });
  if (latest && canonicalJson(latest) === canonicalJson(buildManifest(run, commits, number, repaired).manifest)) return latest;
  const { manifest, report } = buildManifest(run, commits, number + 1, repaired);
  const recordKey = keys.manifest(run.name, manifest.number);
  const { outcome } = await commit(store, { parts: [report], recordKey, record: encodeRecord(manifest), signal });
  return outcome === 'committed' ? manifest : undefined;
}
