import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { isShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PixelKey } from '@showtell/shared/pixel-key';
import { isCommitted, type PlannedRun, type PlannedRuns, planShard, readControl, readControlRecord } from '@showtell/shared/planned-run';
import { clearShard } from '@showtell/shared/queue/clear-shard';
import { inMicroBatches } from '@showtell/shared/queue/pixel-block';
import type { PixelWindow } from '@showtell/shared/queue/pixel-window';
import type { Pixels } from '@showtell/shared/queue/pixels';
import type { JobContext } from '@showtell/shared/queue/processor';
import { isLive, jobIds, type Queues, type ShardJob } from '@showtell/shared/queue/queues';
import { takeTurns } from '@showtell/shared/queue/turns';
import { reached } from '@showtell/shared/reached';
import { priorityOf } from '@showtell/shared/schema/control';
import { sideOf } from '@showtell/shared/schema/encoder-identity';
import { openSource } from '@showtell/shared/source/open';
import { prepareRows } from '@showtell/shared/source/prepare-rows';
import type { Logger } from 'pino';

export interface StreamServices {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly runs: PlannedRuns;
  readonly pixels: Pixels;
  readonly pixelKey: PixelKey;
  readonly window: PixelWindow;
  readonly logger: Logger;
  /** Photos that are downloaded or decoded at once, per shard. */
  readonly downloads: number;
  readonly onPrepared: (images: number) => void;
}

/** After so many failed attempts, or deaths of a worker on it, a shard goes on without pixels: the encoder prepares what it does not find. */
const ATTEMPTS = 3;
const CRASHES = 2;

/** Streams one shard's photos into Redis and hands it to the encoders. */
export async function streamShard(
  { run: name, shard }: ShardJob,
  { job, signal }: JobContext<ShardJob>,
  services: StreamServices,
): Promise<void> {
  const { store, queues, runs, logger } = services;
  const run = await runs.get(name, { signal });
  const encode = queues.encode(run.plan.encoder.precision);
  const jobId = jobIds.shard(name, shard);
  // In the order of the flow, so that a shard that is committed meanwhile is not streamed once more.
  if (isLive(await encode.getJobState(jobId))) return;
  if (await isCommitted(store, name, shard, { signal })) return clearShard(run, shard, services);
  if ((await readControl(store, name, { signal })) !== 'running') return clearShard(run, shard, services);

  if (job.attemptsMade >= ATTEMPTS || job.stalledCounter >= CRASHES) {
    logger.warn(
      { run: name, shard, attempts: job.attemptsMade, crashes: job.stalledCounter },
      'the shard goes to the encoders without pixels',
    );
    await clearShard(run, shard, services);
  } else {
    await fillOrGiveUp(run, shard, signal, services);
  }

  const { record: control } = await readControlRecord(store, name, { signal });
  if (control.state !== 'running') return clearShard(run, shard, services);
  signal.throwIfAborted();
  // A failed job of this id would make the new one a duplicate.
  await encode.remove(jobId);
  reached('ingest:before-handover', `${name}/${shard}`);
  // Turns of the encoders' own: ingest may be far ahead of them, and a run that comes later must not wait for all that it handed on.
  const [priority] = await takeTurns({ redis: queues.redis, queue: encode }, name, priorityOf(control), 1);
  await encode.add('encode', { run: name, shard }, { jobId, priority: priority! });
  reached('ingest:handed-over', `${name}/${shard}`);
}

/** What trying again cannot mend is left to the encoder to meet and report, so that a shard fails for good in one queue only. */
async function fillOrGiveUp(run: PlannedRun, shard: number, signal: AbortSignal, services: StreamServices): Promise<void> {
  try {
    await fill(run, shard, signal, services);
  } catch (error) {
    if (signal.aborted || !isShowtellError(error) || error.retryable) throw error;
    services.logger.warn({ err: error, run: run.name, shard }, 'the shard goes to the encoders without pixels');
    await clearShard(run, shard, services);
  }
}

async function fill(
  run: PlannedRun,
  shard: number,
  signal: AbortSignal,
  { store, pixels, pixelKey, window, downloads, logger, onPrepared }: StreamServices,
): Promise<void> {
  const { encoder, microBatch } = run.plan;
  const side = sideOf(encoder.preprocessing);
  const part = planShard(run, shard);
  if (window.closed) return;
  const reservation = await window.waitForRoom(encoder.precision, run.name, shard, part.rows * pixelBytes(side), signal);
  if (reservation === 'too-large') {
    logger.warn({ run: run.name, shard, rows: part.rows }, 'the shard is larger than the pixel window; the encoder prepares it itself');
    return;
  }
  const key = await pixelKey.readOrMake({ signal });
  const rows = decodePlanRows(await readPart(store, part, { signal }), part.key);
  const source = openSource(run.request.source);
  try {
    let index = 0;
    for await (const prepared of inMicroBatches(prepareRows(source, rows, { concurrency: downloads, side, signal }), microBatch)) {
      signal.throwIfAborted();
      await pixels.put(key, { run: run.name, shard, planSha256: part.sha256 }, index++, prepared, reservation.until);
      reached('ingest:block-put', `${run.name}/${shard}`);
      onPrepared(prepared.length);
    }
  } finally {
    await source.close();
  }
}
