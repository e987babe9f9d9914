import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Settings } from '@showtell/shared/config';
import type { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES, MAX_STALLED, queueNames, TrainJob } from '@showtell/shared/queue/queues';
import { untilAborted, untilTrue } from '@showtell/shared/queue/until';
import { drain, startWorker, workerName } from '@showtell/shared/queue/worker';
import { reportWorker } from '@showtell/shared/queue/worker-report';
import { Shutdown } from '@showtell/shared/shutdown';
import type { Logger } from 'pino';
import { openTrainingEngine, type TrainingEngineName } from './engine/open';
import { runTrainJob } from './train-job';

export interface TrainerWorkerOptions {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly logger: Logger;
  /** What trains. Default: `onnx`. */
  readonly engine?: TrainingEngineName;
  /** `auto` (the default), `cpu`, `cuda`, `wasm`. */
  readonly device?: string;
  /** Threads of the engine. Default: one for every core that this process may use. */
  readonly threads?: number;
  /** Ends when no training is left in the queue, instead of waiting for more. */
  readonly once?: boolean;
  /** Stops the worker when it is requested; its `run` waits until the worker has stopped. */
  readonly shutdown: Shutdown;
}

/**
 * Serves the queue `train` until it is asked to stop, and resolves once everything is closed. A training that it stops in is saved
 * after the step going on, and its job goes back to the queue.
 * @throws ShowtellError `REDIS_DENIED` when Redis does not let it take trainings.
 */
export async function runTrainerWorker(options: TrainerWorkerOptions): Promise<void> {
  const { settings, store, logger, engine: engineName = 'onnx', device = 'auto', threads = availableParallelism() } = options;
  const { once = false, shutdown } = options;
  const opened = new Shutdown(logger);
  const stopped = serve();
  shutdown.defer('trainer worker', () => stopped.catch(() => {}));
  return stopped;

  async function serve(): Promise<void> {
    try {
      const { redis, queues } = await openQueues(settings, logger, opened, true);
      await store.probe({ signal: shutdown.signal });
      const { tensorflow } = settings;
      const { description, create } = await openTrainingEngine({ engine: engineName, device, threads, tensorflow });
      const name = workerName(description.device);
      const unfit = new AbortController();
      const stop = AbortSignal.any([shutdown.signal, unfit.signal]);
      const worker = startWorker<TrainJob>({
        settings,
        redis,
        logger,
        name,
        queue: queueNames.train,
        schema: TrainJob,
        maxStalled: MAX_STALLED.train,
        unfit,
        work: (data, context) =>
          runTrainJob(data, context, {
            store,
            logger,
            threads,
            createEngine: create,
            featureMemory: settings.featureMemory,
            checkpointSeconds: settings.checkpointSeconds,
            stop,
            // Half the lock, so that a job taken from a dead worker does not wait as long again.
            leaseSeconds: settings.lockSeconds / 2,
            // In a container every process may have the same host name and process id.
            holder: `${name}.${randomBytes(4).toString('hex')}`,
          }),
      });
      opened.defer('train worker', () => drain(worker, settings.drainSeconds));
      opened.defer('worker report', reportWorker({ queues, name, stage: 'trainer', device: () => description.device, images: () => 0 }));
      logger.info({ store: store.url, worker: name, ...description }, 'trainer worker is ready');
      if (once) await untilTrue(async () => (await queues.train.getJobCountByTypes(...LIVE_STATES)) === 0, stop);
      else await untilAborted(stop);
      if (unfit.signal.aborted) throw unfit.signal.reason as ShowtellError;
    } finally {
      await opened.run();
    }
  }
}
