import { collectWhole } from '@showtell/shared/collect-whole';
import type { Settings } from '@showtell/shared/config';
import type { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { watchRefusals } from '@showtell/shared/object-store/watch-refusals';
import { PixelKey } from '@showtell/shared/pixel-key';
import { PlannedRuns, readControl } from '@showtell/shared/planned-run';
import { clearShard } from '@showtell/shared/queue/clear-shard';
import { onEncoded } from '@showtell/shared/queue/control-events';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { hastenFinalize, LIVE_STATES, MAX_STALLED, type Queues, queueNames, RunJob, ShardJob } from '@showtell/shared/queue/queues';
import { untilAborted, untilTrue } from '@showtell/shared/queue/until';
import { drain, startWorker, workerName } from '@showtell/shared/queue/worker';
import { reportWorker } from '@showtell/shared/queue/worker-report';
import { Shutdown } from '@showtell/shared/shutdown';
import type { Logger } from 'pino';
import { finalizeRun } from './finalize';
import { streamShard } from './stream-shard';

export interface IngestWorkerOptions {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly logger: Logger;
  /** Ends when nothing is left to ingest, encode or finalize, instead of waiting for more. */
  readonly once?: boolean;
  /** Shards that are streamed at once. */
  readonly concurrency?: number;
  /** Photos that are downloaded or decoded at once, per shard. */
  readonly downloads?: number;
  /** Stops the worker when it is requested; its `run` waits until the worker has stopped. */
  readonly shutdown: Shutdown;
}

/**
 * Serves the queues `ingest` and `finalize` until it is asked to stop, and resolves once everything is closed.
 * @throws ShowtellError `STORE_DENIED`, `REDIS_DENIED` and the like when the store or Redis refuses this worker: at the start, or later; then the jobs in hand go back.
 */
export async function runIngestWorker(options: IngestWorkerOptions): Promise<void> {
  const { settings, logger, once = false, concurrency = 2, downloads = 8, shutdown } = options;
  collectWhole();
  const opened = new Shutdown(logger);
  const stopped = serve();
  shutdown.defer('ingest worker', () => stopped.catch(() => {}));
  return stopped;

  async function serve(): Promise<void> {
    try {
      const { redis, queues, pixels, window } = await openQueues(settings, logger, opened);
      await options.store.probe({ signal: shutdown.signal });
      // Whom the store refuses must not take the jobs of those whom it does not.
      const unfit = new AbortController();
      const store = watchRefusals(options.store, (error) => unfit.abort(error));
      const runs = new PlannedRuns(store);
      const pixelKey = new PixelKey(store);
      const name = workerName('cpu');
      let images = 0;
      const atWork = new Map<string, ShardJob>();
      const common = { settings, redis, logger, name, unfit };
      const ingest = startWorker<ShardJob>({
        ...common,
        queue: queueNames.ingest,
        schema: ShardJob,
        concurrency,
        maxStalled: MAX_STALLED.ingest,
        work: (data, context) =>
          streamShard(data, context, {
            store,
            queues,
            runs,
            pixels,
            pixelKey,
            window,
            logger,
            downloads,
            onPrepared: (n) => (images += n),
          }),
        // Of a paused run, too: what is only prepared is soon done again, and may wait for room that a paused run never gets.
        isCancelled: async ({ run }) => (await readControl(store, run)) !== 'running',
        atWork,
        onGivenUp: async (data) => {
          const job = ShardJob.safeParse(data).data;
          if (job) await clearShard(await runs.get(job.run), job.shard, { pixels, window });
        },
      });
      const finalize = startWorker<RunJob>({
        ...common,
        queue: queueNames.finalize,
        schema: RunJob,
        maxStalled: MAX_STALLED.finalize,
        work: (data, context) => finalizeRun(data, context, { store, queues, runs, logger }),
      });
      // Whoever encodes a run's last shard says so, or it would wait for the finalizer's next look.
      opened.defer('control events', onEncoded({ settings, redis, logger, hasten: (run) => hastenFinalize(queues, run) }));
      // Preparing is soon done again: what was begun is handed back at once.
      opened.defer('ingest and finalize workers', () => Promise.all([drain(ingest, 0), drain(finalize, 0)]));
      opened.defer(
        'worker report',
        reportWorker({ queues, name, stage: 'ingest', device: () => 'cpu', images: () => images, jobs: () => atWork.values() }),
      );
      logger.info({ store: store.url, concurrency, worker: name }, 'ingest worker is ready');
      const stop = AbortSignal.any([shutdown.signal, unfit.signal]);
      await (once ? untilTrue(() => isDone(queues), stop) : untilAborted(stop));
      if (unfit.signal.aborted) throw unfit.signal.reason as ShowtellError;
    } finally {
      await opened.run();
    }
  }
}

/** Nothing to ingest, and no run to finalize but those that cannot go on by themselves. */
async function isDone(queues: Queues): Promise<boolean> {
  if ((await queues.ingest.getJobCountByTypes(...LIVE_STATES)) > 0) return false;
  const finalize = await queues.finalize.getJobs([...LIVE_STATES]);
  return finalize.every((job) => RunJob.safeParse(job.data).data?.stuck);
}
