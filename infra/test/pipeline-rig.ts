import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ENCODER } from '@showtell/encoder-worker/encoder/inception-v3';
import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import { type EnqueueOptions, type EnqueueReport, enqueue } from '@showtell/ingest/admin/enqueue';
import { openDataset } from '@showtell/ingest/source/open';
import { runIngestWorker } from '@showtell/ingest/worker';
import { readSettings, type Settings } from '@showtell/shared/config';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore, type StoreOptions } from '@showtell/shared/object-store/open';
import { PREPROCESSING } from '@showtell/shared/schema/encoder-identity';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { narrowWeights } from '../../packages/encoder-worker/test/narrow-weights';

export interface PipelineRig {
  readonly folder: string;
  readonly settings: Settings;
  readonly store: ObjectStore;
  /** Everything that was logged, parsed. */
  readonly log: readonly LogLine[];
  readonly weightsFile: string;
  enqueue(options?: Partial<EnqueueOptions> & { readonly dataset?: string }): Promise<EnqueueReport>;
  /** Workers inside this process; `stop` drains them. */
  ingest(options?: { readonly once?: boolean; readonly settings?: Partial<Settings> }): InProcessWorker;
  encoder(options?: { readonly once?: boolean; readonly settings?: Partial<Settings> }): InProcessWorker;
  /** One worker of each, until nothing is left to do. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
  readonly queue?: string;
  readonly device?: string;
}

export interface InProcessWorker {
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

export const ERROR_LEVEL = 50;

/**
 * A pipeline on narrow weights: a store in a temporary folder, a Redis that is given, a key prefix of its own.
 * @param storeOptions of the store that the rig and its workers inside this process have in common.
 */
export async function pipelineRig(redis: string, flags: Partial<Settings> = {}, storeOptions: StoreOptions = {}): Promise<PipelineRig> {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-pipeline-'));
  const weightsFile = join(folder, 'weights.safetensors');
  writeFileSync(weightsFile, narrowWeights(1).safetensors);
  const settings = readSettings({
    flags: {
      store: pathToFileURL(join(folder, 'store')).href,
      redis,
      prefix: `test-${randomUUID().slice(0, 8)}`,
      lockSeconds: 2,
      stalledSeconds: 0.5,
      drainSeconds: 5,
      ...flags,
    },
    env: {},
    cwd: folder,
  });
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint, ...storeOptions });
  const log: LogLine[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(JSON.parse(line) as LogLine) });
  const weights = narrowWeights(1);
  const started: InProcessWorker[] = [];
  const run = (work: (shutdown: Shutdown) => Promise<void>): InProcessWorker => {
    const shutdown = new Shutdown(logger);
    const done = work(shutdown);
    // Whoever waits for `done` sees its failure; until then it must not count as unhandled.
    done.catch(() => {});
    const worker = { done, stop: () => shutdown.run().then(() => done) };
    started.push(worker);
    return worker;
  };
  const rig: PipelineRig = {
    folder,
    settings,
    store,
    log,
    weightsFile,
    enqueue: async ({ dataset = 'synthetic:48', ...options } = {}) =>
      enqueue({
        store,
        settings,
        logger,
        source: await openDataset(dataset),
        weights: {
          encoder: ENCODER,
          preprocessing: PREPROCESSING,
          spec: 'narrow',
          sha256: weights.sha256,
          dimension: weights.dimension,
          put: () => putWeights(store, { bytes: weights.safetensors, sha256: weights.sha256 }),
        },
        splits: dataset.startsWith('synthetic') ? ['train'] : [],
        shardRows: 8,
        microBatch: 3,
        ...options,
      }),
    ingest: ({ once = false, settings: more = {} } = {}) =>
      run((shutdown) => runIngestWorker({ settings: { ...settings, ...more }, store, logger, once, shutdown })),
    encoder: ({ once = false, settings: more = {} } = {}) =>
      run((shutdown) =>
        runEncoderWorker({
          settings: { ...settings, ...more },
          store,
          logger,
          precision: 'float32',
          engine: 'onnx',
          device: 'auto',
          threads: 1,
          once,
          cacheFolder: join(folder, 'weights'),
          shutdown,
        }),
      ),
    async drain() {
      await Promise.all([rig.ingest({ once: true }).done, rig.encoder({ once: true }).done]);
    },
    async close() {
      await Promise.allSettled(started.map((worker) => worker.stop()));
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}
