/**
 * Several workers of one stage in one process: `node scale-worker-main.js '{…}'`. Tells `ready`, answers `usage`, has its encoders
 * wait once it is told to, and ends in order when it is told to stop.
 */
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import { runIngestWorker } from '@showtell/ingest/worker';
import type { Settings } from '@showtell/shared/config';
import { openStore } from '@showtell/shared/object-store/open';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { type Waiting, type WaitingEngineOptions, waitingEngines } from './waiting-engine';

export interface ScaleWorkerOptions {
  readonly stage: 'ingest' | 'encoder';
  readonly workers: number;
  readonly settings: Settings;
  readonly cacheFolder: string;
  readonly engine: WaitingEngineOptions;
  /** Of each ingest worker. */
  readonly concurrency?: number;
}

/** What this process has used since it began. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Seconds in which the event loop was at work. */
  readonly loopSeconds: number;
  /** Most memory resident, bytes. */
  readonly rss: number;
}

const WARN = 40;

async function main(): Promise<void> {
  const { stage, workers, settings, cacheFolder, engine, concurrency } = JSON.parse(process.argv[2]!) as ScaleWorkerOptions;
  let ready = 0;
  const logger = pino(
    { level: 'info' },
    {
      write(line: string) {
        const { level, msg } = JSON.parse(line) as { level: number; msg: string };
        if (level >= WARN) process.stderr.write(line);
        if (msg.endsWith('worker is ready') && ++ready === workers) process.send!('ready');
      },
    },
  );
  const shutdown = new Shutdown(logger);
  const stores: { close(): Promise<void> }[] = [];
  const waiting: Waiting = { begun: false };
  process.on('message', (message: 'usage' | 'wait' | 'stop') => {
    if (message === 'usage') process.send!(usage());
    else if (message === 'wait') waiting.begun = true;
    else shutdown.request('The bench is over');
  });
  // The bench was killed.
  process.once('disconnect', () => process.exit());
  const processes = waitingEngines(engine, waiting);
  const running = Array.from({ length: workers }, async () => {
    const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
    stores.push(store);
    const common = { settings, store, logger, shutdown };
    if (stage === 'ingest') return runIngestWorker({ ...common, ...(concurrency !== undefined && { concurrency }) });
    return runEncoderWorker({ ...common, precision: 'float32', engine: 'onnx', device: engine.device, threads: 1, cacheFolder, processes });
  });
  await Promise.all(running);
  await shutdown.run();
  await Promise.all(stores.map((store) => store.close()));
  process.disconnect();
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { active } = performance.eventLoopUtilization();
  return { cpuSeconds: (user + system) / 1e6, loopSeconds: active / 1e3, rss: process.resourceUsage().maxRSS * 1_024 };
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
