import { join } from 'node:path';
import { type Settings, WORK_FOLDER } from '@showtell/shared/config';
import { isShowtellError, type ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { PlannedRuns } from '@showtell/shared/planned-run';
import { clearShard } from '@showtell/shared/queue/clear-shard';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { ABORT } from '@showtell/shared/queue/processor';
import { hastenFinalize, LIVE_STATES, MAX_STALLED, type Queues, queueNames, ShardJob } from '@showtell/shared/queue/queues';
import { untilAborted, untilTrue } from '@showtell/shared/queue/until';
import { drain, startWorker, workerName } from '@showtell/shared/queue/worker';
import { reportWorker } from '@showtell/shared/queue/worker-report';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { Shutdown } from '@showtell/shared/shutdown';
import type { Logger } from 'pino';
import { encodeShard } from './encode-shard';
import { deviceInUse, type EngineName } from './encoder/engines/engine';
import { fetchWeights } from './encoder/weights/keep';
import { EngineKeeper } from './engine-keeper';
import { startEngineProcess } from './engine-process';

export interface EncoderWorkerOptions {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly logger: Logger;
  /** The worker serves the queue of this precision. */
  readonly precision: Precision;
  readonly engine: EngineName;
  /** `auto`, `cpu` or `cuda`. */
  readonly device: string;
  readonly threads: number;
  /** Ends when nothing is left to ingest or encode, instead of waiting for more. */
  readonly once?: boolean;
  /** Where weights are kept between runs. Default: `.showtell/weights` in the working folder. */
  readonly cacheFolder?: string;
  /** Photos that are downloaded or decoded at once, when this worker must prepare them itself. */
  readonly downloads?: number;
  /** Stops the worker when it is requested; its `run` waits until the worker has stopped. */
  readonly shutdown: Shutdown;
}

/**
 * Serves one encode queue until it is asked to stop, and resolves once everything is closed.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` when the engine cannot run here; the job in hand goes back to the queue.
 */
export async function runEncoderWorker(options: EncoderWorkerOptions): Promise<void> {
  const { settings, store, logger, precision, engine, device, threads, once = false, downloads = 8, shutdown } = options;
  const inUse = deviceInUse(options);
  const cacheFolder = options.cacheFolder ?? join(process.cwd(), WORK_FOLDER, 'weights');
  const opened = new Shutdown(logger);
  const stopped = serve();
  shutdown.defer('encoder worker', () => stopped.catch(() => {}));
  return stopped;

  async function serve(): Promise<void> {
    try {
      const { redis, queues, pixels, window } = await openQueues(settings, logger, opened);
      await store.probe({ signal: shutdown.signal });
      const runs = new PlannedRuns(store);
      const engines = new EngineKeeper(async (weightsSha256, signal) => {
        const weights = await fetchWeights(store, weightsSha256, cacheFolder, { signal });
        const started = await startEngineProcess({ weights, precision, engine, device, threads, signal });
        logger.info({ ...started.description }, 'encoder is ready');
        return started;
      });
      opened.defer('encoder engine', () => engines.close());
      const name = workerName(inUse);
      let images = 0;
      // What this machine cannot do, another may: the job goes back, and this worker ends.
      const unfit = new AbortController();
      const services = {
        store,
        runs,
        pixels,
        window,
        engines,
        precision,
        logger,
        worker: name,
        downloads,
        onEncoded: (n: number) => (images += n),
      };
      const worked = new Set<string>();
      const worker = startWorker<ShardJob>({
        settings,
        redis,
        logger,
        name,
        queue: queueNames.encode(precision),
        schema: ShardJob,
        // One at a time, or a neighbour is blamed for a crash.
        concurrency: 1,
        maxStalled: MAX_STALLED.encode,
        work: async (data, context) => {
          try {
            await encodeShard(data, context, services);
            worked.add(data.run);
          } catch (error) {
            if (isShowtellError(error, 'DEVICE_UNAVAILABLE')) {
              unfit.abort(error);
              // Paused first, or it would take the job it gives back.
              await worker.pause(true);
              worker.cancelAllJobs(ABORT.drain);
            }
            throw error;
          }
        },
        onFailed: async (data) => {
          const job = ShardJob.safeParse(data).data;
          if (job) await clearShard(await runs.get(job.run), job.shard, services);
        },
      });
      // Whoever encodes the last shard says so, or the run would wait for the finalizer's next look.
      worker.on('drained', () => {
        hasten(queues, precision, worked).catch((error: unknown) => logger.debug({ err: error }, 'the finalizer looks by itself'));
      });
      opened.defer('encode worker', () => drain(worker, settings.drainSeconds));
      opened.defer('worker report', reportWorker({ queues, name, stage: 'encoder', device: () => inUse, images: () => images }));
      if (inUse !== device) logger.info({ engine, device: inUse }, `the device that ${device} became`);
      logger.info({ store: store.url, precision, engine, device: inUse, threads, worker: name }, 'encoder worker is ready');
      const stop = AbortSignal.any([shutdown.signal, unfit.signal]);
      await (once ? untilTrue(() => isDone(queues, precision), stop) : untilAborted(stop));
      if (unfit.signal.aborted) throw unfit.signal.reason as ShowtellError;
    } finally {
      await opened.run();
    }
  }
}

/** Once nothing is left to ingest or encode: a look for every shard would list the commits of a run as often as it has shards. */
async function hasten(queues: Queues, precision: Precision, runs: Set<string>): Promise<void> {
  if (!(await isDone(queues, precision))) return;
  const names = [...runs];
  runs.clear();
  for (const run of names) await hastenFinalize(queues, run);
}

/** In the order of the flow, so that a shard between the two queues is not missed. */
async function isDone(queues: Queues, precision: Precision): Promise<boolean> {
  if ((await queues.ingest.getJobCountByTypes(...LIVE_STATES)) > 0) return false;
  return (await queues.encode(precision).getJobCountByTypes(...LIVE_STATES)) === 0;
}
