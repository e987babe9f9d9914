import type { Settings } from '@showtell/shared/config';
import { isCuda } from '@showtell/shared/device';
import { isShowtellError } from '@showtell/shared/errors';
import { readControl } from '@showtell/shared/planned-run';
import { clearShard } from '@showtell/shared/queue/clear-shard';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import { MAX_STALLED, queueNames, ShardJob } from '@showtell/shared/queue/queues';
import { drain, startWorker, workerName } from '@showtell/shared/queue/worker';
import { reportWorker } from '@showtell/shared/queue/worker-report';
import type { Shutdown } from '@showtell/shared/shutdown';
import { type EncodeServices, encodeShard } from './encode-shard';
import type { EngineDescription, EngineOptions } from './encoder/engines/engine';
import { fetchWeights } from './encoder/weights/keep';
import { EngineKeeper } from './engine-keeper';
import type { EngineProcesses } from './engine-process';

export interface LaneOptions
  extends RedisServices,
    Pick<EncodeServices, 'store' | 'runs' | 'pixelKey' | 'precision' | 'logger' | 'downloads'>,
    Pick<EngineOptions, 'engine' | 'threads' | 'spin'> {
  readonly settings: Settings;
  /** Of the device that the lane drives. */
  readonly description: EngineDescription;
  readonly start: EngineProcesses['start'];
  readonly cacheFolder: string;
  /** How the lane is closed. */
  readonly opened: Shutdown;
  /** Once a shard of that run is committed. */
  readonly onCommitted: (run: string) => void;
  /** Once the queue is empty. */
  readonly onDrained: () => void;
  /** Aborted, by the lane or others, when this machine can do no job: those in hand go back, another machine may do them. */
  readonly unfit: AbortController;
}

/**
 * A GPU encodes a shard in a tenth of a second: while one job commits, another must have pixels at hand. On the CPU a shard takes
 * seconds, and a job that only waits is one that an idle neighbour could do.
 */
const JOBS_AT_ONCE = { gpu: 2, cpu: 1 } as const;

/** Serves an encode queue with one device: an engine process of its own, and a name of its own in the list of workers. */
export function openLane(options: LaneOptions): void {
  const { settings, redis, queues, runs, store, precision, logger, description, opened, threads, spin } = options;
  const { device } = description;
  const name = workerName(device);
  const log = logger.child({ device });
  let images = 0;
  /** Found by the first engine; and what the device had no memory for, no later one tries again. */
  let batch: EngineOptions['batch'] = isCuda(device) ? 'measured' : undefined;
  const engines = new EngineKeeper(
    async (weightsSha256, signal) => {
      const weights = await fetchWeights(store, weightsSha256, options.cacheFolder, { signal });
      const started = await options.start({
        weights,
        precision,
        engine: options.engine,
        device,
        threads,
        spin,
        tensorflow: settings.tensorflow,
        signal,
        ...(batch !== undefined && { batch }),
        onNotice: (notice) => {
          if (isCuda(device)) batch = notice.batch;
          log[notice.level]({ batch: notice.batch }, notice.message);
        },
      });
      // The description names the device, too: by `log` it would stand in the line twice.
      logger.info({ ...started.description, batch: started.batch }, 'encoder is ready');
      return started;
    },
    {
      memory: settings.engineMemory,
      onRecycle: (rss) => log.warn({ rss, limit: settings.engineMemory }, 'the encoder process has grown too large: starting another'),
    },
  );
  opened.defer('encoder engine', () => engines.close());
  const services: EncodeServices = { ...options, logger: log, engines, worker: name, onEncoded: (n) => (images += n) };
  const atWork = new Map<string, ShardJob>();
  const worker = startWorker<ShardJob>({
    settings,
    redis,
    logger: log,
    name,
    queue: queueNames.encode(precision),
    schema: ShardJob,
    concurrency: isCuda(device) ? JOBS_AT_ONCE.gpu : JOBS_AT_ONCE.cpu,
    maxStalled: MAX_STALLED.encode,
    work: async (data, context) => {
      try {
        await encodeShard(data, context, services);
        options.onCommitted(data.run);
      } catch (error) {
        if (isShowtellError(error, 'DEVICE_UNAVAILABLE')) options.unfit.abort(error);
        throw error;
      }
    },
    isCancelled: async ({ run }) => (await readControl(store, run)) === 'cancelled',
    unfit: options.unfit,
    atWork,
    onGivenUp: async (data) => {
      const job = ShardJob.safeParse(data).data;
      if (job) await clearShard(await runs.get(job.run), job.shard, services);
    },
  });
  worker.on('drained', options.onDrained);
  opened.defer('encode worker', () => drain(worker, settings.drainSeconds));
  opened.defer(
    'worker report',
    reportWorker({ queues, name, stage: 'encoder', device: () => device, images: () => images, jobs: () => atWork.values() }),
  );
  logger.info({ store: store.url, worker: name, ...description }, 'encoder worker is ready');
}
