import { isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { noSuchRun, readControlRecord, readPlannedRun, readRun } from '@showtell/shared/planned-run';
import { isLive, jobIds, type Queues } from '@showtell/shared/queue/queues';
import { listWorkers } from '@showtell/shared/queue/worker-report';
import { type ControlRecord, priorityOf } from '@showtell/shared/schema/control';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';
import { takenOver } from '@showtell/shared/schema/plan';
import type { ReportRecord } from '@showtell/shared/schema/report';
import type { RunRecord } from '@showtell/shared/schema/run';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { readEncoded } from './encoded';

/** Jobs of one queue, of all runs together. */
export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
}

export interface Failure {
  readonly shard?: number;
  readonly reason: string;
}

export interface RunStatus {
  readonly run: string;
  /**
   * `planning`: claimed, but without a plan; `running`: its jobs are in the queue; `complete`: the manifest is there; `failed`: every
   * missing shard has failed for good; `lost`: shards are missing and nothing of the run is in the queue; `incomplete`: shards are
   * missing, and Redis was not asked whether anybody works on them; or the operator's `paused` and `cancelled`.
   */
  readonly state: 'planning' | 'running' | 'complete' | 'failed' | 'lost' | 'incomplete' | 'paused' | 'cancelled';
  /** The run's share of the workers, beside those of other runs. */
  readonly priority: number;
  readonly source: string;
  /** What was asked for. */
  readonly request: RunRecord;
  readonly encoder: EncoderIdentity | undefined;
  readonly shards: { readonly planned: number; readonly committed: number; readonly failed: number };
  /** Those taken over from a base are planned and committed, too. */
  readonly samples: { readonly planned: number; readonly committed: number; readonly rejected: number; readonly takenOver: number };
  readonly rejected: Readonly<Record<string, number>>;
  readonly splits: readonly { readonly split: string; readonly planned: number; readonly committed: number; readonly rejected: number }[];
  /** Number of the newest manifest. */
  readonly manifest: number | undefined;
  /** Of a complete run: what it took. */
  readonly report: ReportRecord | undefined;
  /** Images a second over the latest commits, by the workers' clocks: of a complete run, or of one that workers are at. */
  readonly rate: number | undefined;
  readonly etaSeconds: number | undefined;
  /** When the latest shard was committed, by its worker's clock. */
  readonly lastCommit: string | undefined;
  /** Shards that failed for good, with the reason; the first 20. Without a shard: what keeps the finalizer from ending the run. */
  readonly failures: readonly Failure[];
  /** Shards whose jobs wait for something that is away, such as the source's store, with the reason; the first 20. */
  readonly waiting: readonly Failure[];
  /** `undefined` when Redis was not asked. */
  readonly queues: Readonly<Record<'ingest' | 'encode' | 'finalize', QueueCounts>> | undefined;
  readonly workers: Awaited<ReturnType<typeof listWorkers>> | undefined;
}

export interface StatusOptions {
  /** Commit records of an earlier call, which are not read again; this call adds to it. */
  readonly known?: Map<number, CommitRecord>;
  readonly signal?: AbortSignal;
}

/** States that end without somebody doing something. */
export const GOES_ON: ReadonlySet<RunStatus['state']> = new Set(['planning', 'running', 'incomplete', 'complete', 'paused', 'cancelled']);

/** Shards that are told of those that failed or wait. */
const FAILURES = 20;

/**
 * How a run stands: what is done comes from the store alone; Redis, where given, adds queues, failures and workers.
 * @throws ShowtellError `NOT_FOUND` when there is no such run.
 */
export async function runStatus(
  store: ObjectStore,
  queues: Queues | undefined,
  name: string,
  options: StatusOptions = {},
): Promise<RunStatus> {
  const { known, signal } = options;
  const read = signal && { signal };
  const request = isName(name) ? await readRun(store, name, read) : undefined;
  if (request === undefined) throw await noSuchRun(store, name, read);
  const run = await readPlannedRun(store, name, read);
  const planned = run?.plan.shards ?? [];
  const encoded = await readEncoded(store, run, { ...(known && { known }), ...read });
  const committed = new Set(encoded.shards.map(({ shard }) => shard));
  const precision = request.precision;
  const taken = run === undefined ? 0 : takenOver(run.plan);
  const samples = {
    planned: sum(planned.map(({ rows }) => rows)) + taken,
    committed: sum(encoded.shards.map(({ rows }) => rows)) + taken,
    rejected: sum(encoded.shards.map(({ rejected }) => rejected)),
    takenOver: taken,
  };
  const left = samples.planned - samples.committed - samples.rejected;
  const { record: control } = await readControlRecord(store, name, read);
  const failed = (queues ? await listFailed(queues, name, precision) : []).filter(
    ({ shard }) => shard === undefined || !committed.has(shard),
  );
  const state = await stateOf(queues, name, {
    control: control.state,
    planned: planned.length,
    committed: committed.size,
    failed: failed.length,
    planning: run === undefined,
    complete: encoded.manifest?.told === true,
  });
  const workers = queues && [...(await listWorkers(queues, queues.ingest)), ...(await listWorkers(queues, queues.encode(precision)))];
  // When nobody works on the run, the rate of its latest commits is history.
  const rate = state === 'complete' || (state === 'running' && workers?.length !== 0) ? encoded.rate : undefined;
  return {
    run: name,
    state,
    priority: priorityOf(control),
    source: request.source.url,
    request,
    encoder: run?.plan.encoder,
    shards: { planned: planned.length, committed: committed.size, failed: failed.filter(({ shard }) => shard !== undefined).length },
    samples,
    rejected: encoded.rejected,
    splits: (run?.plan.splits ?? []).map(({ split, samples: all }) => {
      const own = encoded.shards.filter((shard) => shard.split === split);
      return {
        split,
        planned: all,
        committed: sum(own.map(({ rows }) => rows)) + (run === undefined ? 0 : takenOver(run.plan, split)),
        rejected: sum(own.map(({ rejected }) => rejected)),
      };
    }),
    manifest: encoded.manifest?.number,
    report: state === 'complete' ? encoded.report : undefined,
    rate,
    etaSeconds: rate === undefined || left === 0 ? undefined : left / rate,
    lastCommit: encoded.lastCommit,
    failures: queues ? await tellFailures(failed.slice(0, FAILURES)) : [],
    waiting: queues && state === 'running' ? await listWaiting(queues, name, precision) : [],
    queues: queues && {
      ingest: await countsOf(queues.ingest),
      encode: await countsOf(queues.encode(precision)),
      finalize: await countsOf(queues.finalize),
    },
    workers,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

interface Progress {
  readonly control: ControlRecord['state'];
  readonly planned: number;
  readonly committed: number;
  readonly failed: number;
  readonly planning: boolean;
  readonly complete: boolean;
}

async function stateOf(queues: Queues | undefined, name: string, progress: Progress): Promise<RunStatus['state']> {
  const { control, planned, committed, failed, planning, complete } = progress;
  if (planning) return 'planning';
  if (complete && committed >= planned) return 'complete';
  if (control !== 'running') return control;
  if (failed > 0 && committed + failed >= planned) return 'failed';
  // Every run has a finalize job until it is complete; whoever lost Redis lost it too.
  if (queues === undefined) return 'incomplete';
  return isLive(await queues.finalize.getJobState(jobIds.finalize(name))) ? 'running' : 'lost';
}

interface FailedJob {
  readonly queue: Queues['ingest'] | Queues['finalize'];
  readonly id: string;
  readonly shard: number | undefined;
}

/** By their ids alone: there may be thousands of them, of all runs, with a stack trace each. */
async function listFailed(queues: Queues, run: string, precision: EncoderIdentity['precision']): Promise<FailedJob[]> {
  const failed: FailedJob[] = [];
  // A shard fails in the encode queue, and in the ingest queue when the store was away for all of a job's attempts.
  for (const queue of [queues.encode(precision), queues.ingest])
    for (const id of await queue.getRanges(['failed'], 0, -1)) {
      const shard = shardOfJob(run, id);
      if (shard !== undefined) failed.push({ queue, id, shard });
    }
  const finalize = jobIds.finalize(run);
  if ((await queues.finalize.getJobState(finalize)) === 'failed') failed.push({ queue: queues.finalize, id: finalize, shard: undefined });
  return failed;
}

/** `undefined` for a job of another run. */
const shardOfJob = (run: string, id: string) => (id.startsWith(`${run}.`) ? Number(id.slice(run.length + 1)) : undefined);

async function tellFailures(failed: readonly FailedJob[]): Promise<Failure[]> {
  const jobs = await Promise.all(failed.map(({ queue, id }) => queue.getJob(id)));
  return failed.map(({ shard }, index) => ({ ...(shard !== undefined && { shard }), reason: jobs[index]?.failedReason ?? '' }));
}

/** Of jobs that wait, those that say for what: a job that is merely tried again later says nothing. */
async function listWaiting(queues: Queues, run: string, precision: EncoderIdentity['precision']): Promise<Failure[]> {
  const found: Failure[] = [];
  for (const queue of [queues.ingest, queues.encode(precision)]) {
    const own = (await queue.getRanges(['delayed'], 0, -1, true)).flatMap((id) => shardOfJob(run, id) ?? []);
    for (const shard of own.slice(0, FAILURES)) {
      // The newest line of its log.
      const [reason] = (await queue.getJobLogs(jobIds.shard(run, shard), 0, 0, false)).logs;
      if (reason !== undefined) found.push({ shard, reason });
    }
  }
  return found.slice(0, FAILURES);
}

async function countsOf(queue: Queues['ingest'] | Queues['finalize']): Promise<QueueCounts> {
  const {
    waiting = 0,
    prioritized = 0,
    active = 0,
    delayed = 0,
    failed = 0,
  } = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed');
  return { waiting: waiting + prioritized, active, delayed, failed };
}
