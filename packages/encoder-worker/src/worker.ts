import { join } from 'node:path';
import { collectWhole } from '@showtell/shared/collect-whole';
import { type Settings, WORK_FOLDER } from '@showtell/shared/config';
import { parseDevices } from '@showtell/shared/device';
import type { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { watchRefusals } from '@showtell/shared/object-store/watch-refusals';
import { PixelKey } from '@showtell/shared/pixel-key';
import { PlannedRuns } from '@showtell/shared/planned-run';
import { tellEncoded } from '@showtell/shared/queue/control-events';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES, type Queues } from '@showtell/shared/queue/queues';
import { untilAborted, untilTrue } from '@showtell/shared/queue/until';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import { Shutdown } from '@showtell/shared/shutdown';
import type { Logger } from 'pino';
import type { EngineName } from './encoder/engines/engine';
import { ENGINE_PROCESSES, type EngineProcesses } from './engine-process';
import { openLane } from './lane';

export interface EncoderWorkerOptions {
  readonly settings: Settings;
  readonly store: ObjectStore;
  readonly logger: Logger;
  /** The worker serves the queue of this precision. */
  readonly precision: Precision;
  readonly engine: EngineName;
  /** As `parseDevices` reads it: one, or several GPUs with commas between them, each of which gets shards of its own. */
  readonly device: string;
  readonly threads: number;
  /** Whether its threads spin while they wait: for a machine where nothing else computes. */
  readonly spin?: boolean;
  /** Ends when nothing is left to ingest or encode, instead of waiting for more. */
  readonly once?: boolean;
  /** Where weights are kept between runs. Default: `.showtell/weights` in the working folder. */
  readonly cacheFolder?: string;
  /** Photos that are downloaded or decoded at once, when this worker must prepare them itself. */
  readonly downloads?: number;
  readonly processes?: EngineProcesses;
  /** Stops the worker when it is requested; its `run` waits until the worker has stopped. */
  readonly shutdown: Shutdown;
}

/**
 * Serves one encode queue until it is asked to stop, and resolves once everything is closed.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` when the engine cannot run here, `STORE_DENIED`, `REDIS_DENIED` and the like when the store
 * or Redis refuses this worker: at the start, or later; then the jobs in hand go back.
 */
export async function runEncoderWorker(options: EncoderWorkerOptions): Promise<void> {
  const { settings, store, logger, precision, engine, threads, spin, once = false, downloads = 8, shutdown } = options;
  const { processes = ENGINE_PROCESSES } = options;
  const devices = parseDevices(options.device);
  const cacheFolder = options.cacheFolder ?? join(process.cwd(), WORK_FOLDER, 'weights');
  collectWhole();
  const opened = new Shutdown(logger);
  const stopped = serve();
  shutdown.defer('encoder worker', () => stopped.catch(() => {}));
  return stopped;

  async function serve(): Promise<void> {
    try {
      const { signal } = shutdown;
      const probe = (device: string) => processes.probe({ engine, precision, device, threads, tensorflow: settings.tensorflow, signal });
      const probed = Promise.all(devices.map(probe));
      const opening = openQueues(settings, logger, opened, true);
      // Told after the devices, whichever is known first.
      opening.catch(() => {});
      const descriptions = await probed;
      const services = await opening;
      const { queues } = services;
      await store.probe({ signal });
      // What this machine cannot do, another may: jobs go back, and this worker ends.
      const unfit = new AbortController();
      const watched = watchRefusals(store, (error) => unfit.abort(error));
      const runs = new PlannedRuns(watched);
      const pixelKey = new PixelKey(watched);
      const worked = new Set<string>();
      const shared = {
        settings,
        store: watched,
        runs,
        pixelKey,
        precision,
        logger,
        downloads,
        engine,
        threads,
        spin,
        cacheFolder,
        opened,
        start: processes.start,
      };
      for (const description of descriptions)
        openLane({
          ...services,
          ...shared,
          description,
          onCommitted: (run) => worked.add(run),
          // Whoever encodes the last shard says so, or the run would wait for the finalizer's next look.
          onDrained: () => {
            hasten(queues, precision, worked).catch((error: unknown) => logger.debug({ err: error }, 'the finalizer looks by itself'));
          },
          unfit,
        });
      const stop = AbortSignal.any([signal, unfit.signal]);
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
  for (const run of names) await tellEncoded(queues, run);
}

/** In the order of the flow, so that a shard between the two queues is not missed. */
async function isDone(queues: Queues, precision: Precision): Promise<boolean> {
  if ((await queues.ingest.getJobCountByTypes(...LIVE_STATES)) > 0) return false;
  return (await queues.encode(precision).getJobCountByTypes(...LIVE_STATES)) === 0;
}
