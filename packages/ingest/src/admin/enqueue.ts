import { commit } from '@showtell/shared/commit';
import type { Settings } from '@showtell/shared/config';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type PlannedRun, readPlannedRun, readRun } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { reached } from '@showtell/shared/reached';
import { checkRunStays } from '@showtell/shared/run-stays';
import type { ControlRecord } from '@showtell/shared/schema/control';
import { sideOf } from '@showtell/shared/schema/encoder-identity';
import { type PlanBase, type PlanFindings, type PlanRow, takenOver } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { RunRecord } from '@showtell/shared/schema/run';
import { Shutdown } from '@showtell/shared/shutdown';
import type { Logger } from 'pino';
import { calibrationPhotos, calibrationRows } from '../plan/calibration-photos';
import type { Estimate } from '../plan/estimate';
import type { DatasetSource } from '../source/dataset';
import { addJobs, countMissing } from './add-jobs';
import { openBase, takeOver } from './base-run';
import { buildPlan } from './build-plan';
import { readEncoded } from './encoded';
import { forecast } from './forecast';
import { checkSameRequest, freezeRequest, type RunRequest } from './freeze-request';
import { setPriority, writePriority } from './set-priority';

export interface EnqueueOptions extends Omit<RunRequest, 'source' | 'weights'> {
  readonly store: ObjectStore;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly source: DatasetSource;
  readonly weights: RunRequest['weights'] & {
    /** Puts the weights into the store, where the workers look for them. Called before anything names them. */
    readonly put: () => Promise<unknown>;
    /** Makes the encoder that is used out of the weights, where that is another than they. */
    readonly calibrate?: Calibrate | undefined;
  };
  /** The run's share of the workers, 1 to 100. Default: as it is, which is 10 of a new run. */
  readonly priority?: number;
  /** Says what it would do and writes nothing, neither to the store nor to Redis, and does without Redis where that is away. */
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: EnqueueProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Makes an encoder that fits photos, and puts it into the store. Called once in the life of a run: after its source was read and
 * before its plan is committed, which names it.
 * @param planned prepared pixels of the run's own photos, spread over it, without end as long as it has some; may be left unread.
 * @returns the encoder file's sha256.
 */
export type Calibrate = (planned: AsyncIterable<Buffer>) => Promise<string>;

/**
 * `scan`: the source is listed and checked; `base`: shards of the base looked at; `plan`: parts written; `jobs`: shards looked at.
 * What calibrating does, its hook tells.
 */
export interface EnqueueProgress {
  readonly step: 'scan' | 'base' | 'plan' | 'jobs';
  readonly done: number;
  readonly total: number;
}

export interface EnqueueReport {
  readonly run: string;
  readonly dryRun: boolean;
  /** Whether the run was there before. */
  readonly existed: boolean;
  readonly state: ControlRecord['state'];
  /** Why a dry run has not looked at jobs, where it has not: then none is counted as waiting or failed. */
  readonly jobsNotSeen?: string;
  /** Counts of shards. */
  readonly shards: {
    readonly planned: number;
    readonly committed: number;
    /** On their way already. */
    readonly waiting: number;
    /** Had failed for good; they are among `added`. */
    readonly failed: number;
    /** In a dry run: what would be added. */
    readonly added: number;
  };
  /** What is taken over, of a run with a base: samples, shards that hold them, and the number of the base's manifest. */
  readonly base?: { readonly run: string; readonly manifest: number; readonly samples: number; readonly shards: number };
  /** Counts of samples that are not taken over; `rejected` by reason. */
  readonly samples: { readonly planned: number; readonly committed: number; readonly rejected: Readonly<Record<string, number>> };
  readonly splits: readonly {
    readonly split: string;
    /** All of them, and those that are taken over. */
    readonly samples: number;
    readonly takenOver: number;
    readonly captions: number;
    readonly shards: number;
  }[];
  readonly findings: PlanFindings;
  /** Of a run whose encoder is calibrated: by this call, by the one that planned it, for its base, or in a dry run not yet. */
  readonly calibration?: 'made' | 'kept' | 'base' | 'due';
  /** What asked for the encoder, and what it is. */
  readonly encoder: Pick<RunRecord, 'encoder' | 'weights' | 'precision'>;
  /** Of a dry run. */
  readonly estimate?: Estimate;
}

/**
 * Plans a run and adds jobs for what is not committed. Doing it again is always safe: the plan is made once, and only what is
 * missing is added. Nothing is written before the source was read and checked.
 * @throws ShowtellError among others `RUN_EXISTS`, `UNSAFE_STORE`, `RUN_LOCKED`, `REDIS_*`, and what reading the source throws.
 */
export async function enqueue(options: EnqueueOptions): Promise<EnqueueReport> {
  const { store, settings, logger, source, signal, dryRun = false } = options;
  const request = freezeRequest({ ...options, source: source.address });
  const opened = new Shutdown(logger);
  try {
    // First, because a server that is not there should be known before an hour of listing.
    const found = dryRun ? await queuesIfThere(settings, logger, opened) : await openQueues(settings, logger, opened);
    const { run, existed, calibration, toPlan } = await plan(request, options);
    // Before the jobs, which are added by it.
    if (options.priority !== undefined && 'queues' in found && !dryRun)
      await (existed
        ? setPriority({ store, queues: found.queues, run, priority: options.priority, logger, ...(signal && { signal }) })
        : writePriority(store, run.name, options.priority, signal && { signal }));
    const { state, ...shards } =
      'queues' in found
        ? await addJobs({
            store,
            queues: found.queues,
            run,
            logger,
            dryRun,
            ...(signal && { signal }),
            onProgress: (done, total) => options.onProgress?.({ step: 'jobs', done, total }),
          })
        : await countMissing(store, run, signal && { signal });
    const encoded = await readEncoded(store, existed ? run : undefined, signal && { signal });
    return {
      run: run.name,
      dryRun,
      existed,
      state,
      ...('missing' in found && { jobsNotSeen: found.missing }),
      shards,
      samples: {
        planned: sum(run.plan.shards.map(({ rows }) => rows)),
        committed: sum(encoded.shards.map(({ rows }) => rows)),
        rejected: encoded.rejected,
      },
      ...(run.plan.base && { base: describeBase(run.plan.base) }),
      splits: run.plan.splits.map((entry) => ({ ...entry, takenOver: takenOver(run.plan, entry.split) })),
      findings: run.plan.findings,
      encoder: encoderOf(run.request),
      ...(calibration !== undefined && { calibration }),
      ...(dryRun && { estimate: await forecast(store, run, toPlan, signal && { signal }) }),
    };
  } finally {
    await opened.run();
  }
}

/** A dry run has no need of Redis: it looks where there is one, and says otherwise why it has not. */
async function queuesIfThere(settings: Settings, logger: Logger, opened: Shutdown): Promise<RedisServices | { readonly missing: string }> {
  if (settings.redis === undefined) return { missing: 'no address of a Redis server is set' };
  try {
    return await openQueues(settings, logger, opened, true);
  } catch (error) {
    if (isShowtellError(error, 'REDIS_UNREACHABLE')) return { missing: error.message };
    throw error;
  }
}

const encoderOf = ({ encoder, weights, precision }: RunRecord) => ({ encoder, weights, precision });

const describeBase = ({ run, manifest, shards }: PlanBase) => ({
  run,
  manifest,
  samples: sum(shards.map(({ rows }) => rows)),
  shards: shards.length,
});

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

interface Planned extends Pick<EnqueueReport, 'existed' | 'calibration'> {
  readonly run: PlannedRun;
  /** Of a plan that is not written: what it would plan. */
  readonly toPlan?: readonly PlanRow[];
}

/** The committed plan, made first when there is none. A run that has one never reads the source's list again. */
async function plan(request: RunRecord, options: EnqueueOptions): Promise<Planned> {
  const { store, source, weights, signal, dryRun = false, onProgress } = options;
  const existing = await readRun(store, request.run, signal && { signal });
  if (existing !== undefined) checkSameRequest(existing, request);
  const planned = existing && (await readPlannedRun(store, request.run, signal && { signal }));
  if (planned !== undefined) {
    // They may have been lost since; who finds them there writes nothing.
    if (!dryRun) await weights.put();
    await checkCalibrated(store, planned, signal);
    return { run: planned, existed: true, ...calibrationOf(planned) };
  }

  // First, because a base that cannot be used should be known before an hour of listing.
  const base = request.base === undefined ? undefined : await openBase(store, { ...request, base: request.base }, signal && { signal });
  if (base !== undefined) await checkCalibrated(store, base.planned, signal);
  onProgress?.({ step: 'scan', done: 0, total: 1 });
  const dataset = await source.scan({ splits: request.splits, strict: request.strict, ...(signal && { signal }) });
  onProgress?.({ step: 'scan', done: 1, total: 1 });
  const onShard = (done: number, total: number) => onProgress?.({ step: 'base', done, total });
  const taken = base && (await takeOver(store, base, dataset, { onShard, ...(signal && { signal }) }));
  const planFor = (encoderSha256 = base?.planned.plan.encoder.weightsSha256) => {
    const { record, parts } = buildPlan(existing ?? request, dataset, { encoderSha256, takenOver: taken });
    const body = encodeRecord(record);
    return { run: { name: request.run, request: existing ?? request, plan: record, planSha256: sha256(body) }, parts, body };
  };
  const existed = existing !== undefined;
  // A base's encoder is taken with its features.
  const calibrate = base === undefined ? weights.calibrate : undefined;
  if (dryRun) {
    const { run } = planFor();
    const toPlan = dataset.splits.flatMap(({ split, samples }) => taken?.left.get(split) ?? samples);
    return { run, existed, toPlan, ...(calibrate ? { calibration: 'due' } : calibrationOf(run)) };
  }

  await store.probe(signal && { signal });
  // Before anything is written: there may be no photo that can be used.
  const photos = () => calibrationPhotos(source.address, calibrationRows(dataset), { side: sideOf(request.preprocessing), signal });
  const { run, parts, body } = planFor(await calibrate?.(photos()));
  await weights.put();
  await claim(store, request, signal);
  reached('enqueue:claimed', request.run);
  if (base !== undefined) await checkRunStays(store, { run: base.planned.name, manifest: base.found.key }, signal && { signal });
  onProgress?.({ step: 'plan', done: 0, total: parts.length });
  const { outcome } = await commit(store, { parts, recordKey: keys.plan(request.run), record: body, ...(signal && { signal }) });
  onProgress?.({ step: 'plan', done: parts.length, total: parts.length });
  if (outcome === 'committed') return { run, existed, ...(calibrate ? { calibration: 'made' } : calibrationOf(run)) };
  // Another enqueuer was faster; its plan is the run's, should the source have changed in between.
  const theirs = (await readPlannedRun(store, request.run, signal && { signal }))!;
  return { run: theirs, existed: true, ...calibrationOf(theirs) };
}

/** Of an encoder that this call did not calibrate. */
function calibrationOf(run: PlannedRun): Pick<EnqueueReport, 'calibration'> {
  if (!isCalibrated(run)) return {};
  return { calibration: run.request.base === undefined ? 'kept' : 'base' };
}

/** Whether the run is encoded by something that was made of the weights it was asked for. */
const isCalibrated = (run: PlannedRun) => run.plan.encoder.weightsSha256 !== run.request.weightsSha256;

/** What was calibrated for a run cannot be made again for it: other features would come out. */
async function checkCalibrated(store: ObjectStore, run: PlannedRun, signal?: AbortSignal): Promise<void> {
  const key = keys.weights(run.plan.encoder.weightsSha256);
  if (!isCalibrated(run) || (await store.head(key, signal && { signal }))) return;
  throw new ShowtellError('NOT_FOUND', `The encoder ${key} that the run ${run.name} was calibrated with is not in ${store.url}`, {
    hint: 'Bring the object back from a copy of the store, or enqueue the dataset as another run: --run NAME.',
  });
}

/** Takes the run's name, or finds the same request there. */
async function claim(store: ObjectStore, request: RunRecord, signal?: AbortSignal): Promise<void> {
  const { created } = await store.putIfAbsent(keys.runJson(request.run), encodeRecord(request), {
    contentType: 'application/json',
    ...(signal && { signal }),
  });
  if (created) return;
  const existing = await readRun(store, request.run, signal && { signal });
  if (existing === undefined)
    throw new ShowtellError('STORE_UNREACHABLE', `${keys.runJson(request.run)} was there a moment ago and is gone now`);
  checkSameRequest(existing, request);
}
