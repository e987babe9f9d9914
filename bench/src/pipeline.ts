import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { openRedis } from '@showtell/cli/local/redis';
import { formatTable } from '@showtell/cli/output/table';
import { startEngineProcess } from '@showtell/encoder-worker/engine-process';
import { readCommits } from '@showtell/ingest/commits';
import { ShowtellError } from '@showtell/shared/errors';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { keys } from '@showtell/shared/keys';
import { openStore } from '@showtell/shared/object-store/open';
import { PlannedRuns } from '@showtell/shared/planned-run';
import { Precision } from '@showtell/shared/schema/encoder-identity';
import { Redis } from 'ioredis';
import { type PreparedPhotos, preparePhotos } from './bench-photos';
import { runBench } from './bench-program';
import { median } from './medians';
import { peakMB } from './process-memory';

const HELP = `npm run bench:pipeline -- [--source FOLDER] [--precision NAME] [--pixel-window BYTES] [--rounds N] [--threads N] [--json]

Encodes the same photos with the bare engine and through the whole pipeline (Redis, ingest and one encoder worker, each a process
of its own), in turn, and prints how much of the engine's speed the pipeline keeps: of the engine alone, and of what these cores
could do if there were nothing but the engine and the preparing of photos, each of which is measured alone.

  --source FOLDER   a COCO folder of photos (default: $SHOWTELL_DATA/coco-mini, else ../shared/data/coco-mini)
  --precision NAME  float32 (default) or int8, which is calibrated on photos of the folder
  --pixel-window BYTES
                    of pixels that may wait in Redis (default 0, as in showtell up: the encoder prepares its photos itself)
  --rounds N        of both, in turn (default 3)
  --threads N       of the encoder (default: one for every core); with fewer, decoding has a core of its own
  --json            print the figures as JSON`;

const PROGRAM = join(__dirname, '..', '..', 'packages', 'cli', 'bin', 'showtell.js');
const MICRO_BATCH = 32;
/** The photos are few, so they are encoded several times: the first shard's wait for its pixels must not count for much. */
const RUNS = 4;
/** onnxruntime's idle threads go on spinning for a while and would slow whoever comes next. */
const PAUSE_MS = 2_000;

interface Setting {
  readonly source: string;
  readonly redisUrl: string;
  readonly threads: number;
  readonly precision: Precision;
  readonly pixelWindow: number;
  /** Flags of `enqueue`. */
  readonly encoder: readonly string[];
}

interface PipelineFigures {
  readonly imagesPerSecond: number;
  readonly ingestMB: number;
  readonly redisMB: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      source: { type: 'string' },
      precision: { type: 'string', default: 'float32' },
      'pixel-window': { type: 'string', default: '0' },
      rounds: { type: 'string', default: '3' },
      threads: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return void process.stdout.write(`${HELP}\n`);
  const threads = Number(values.threads);
  const precision = Precision.parse(values.precision);
  const pixelWindow = Number(values['pixel-window']);
  const source = resolve(values.source ?? join(process.env['SHOWTELL_DATA'] ?? '../shared/data', 'coco-mini'));
  if (!existsSync(join(source, 'annotations')))
    throw new ShowtellError('NOT_A_DATASET', `Expected a COCO folder for --source but received ${source}`, {
      hint: 'Name a folder with photos in <split>/ and annotations/captions_<split>.json.',
    });

  const folder = mkdtempSync(join(tmpdir(), 'showtell-bench-'));
  const redis = await openRedis({ announce: console.error });
  try {
    const photos = await preparePhotos(source);
    const setting: Setting = {
      source,
      redisUrl: redis.url,
      threads,
      precision,
      pixelWindow,
      encoder: precision === 'int8' ? ['--precision', 'int8', '--calibration', firstSplit(source)] : ['--precision', precision],
    };
    const weights = await findWeights(setting, join(folder, 'weights'));
    console.error(
      `${photos.pixels.length} photos of ${source}, InceptionV3 ${precision}, ${threads} threads, micro-batch ${MICRO_BATCH}, pixel window ${pixelWindow}`,
    );
    const bare: number[] = [];
    const pipeline: PipelineFigures[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      bare.push(await measureBare(weights, photos, setting));
      await sleep(PAUSE_MS);
      pipeline.push(await measurePipeline(setting, photos.pixels.length, join(folder, `round-${round}`)));
      await sleep(PAUSE_MS);
      console.error(
        `round ${round + 1}: bare ${bare[round]!.toFixed(2)}, pipeline ${pipeline[round]!.imagesPerSecond.toFixed(2)} images/s`,
      );
    }
    report(photos, bare, pipeline, setting, values.json === true);
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true });
  }
}

/** A folder of photos to calibrate on: the same for every run, so that all have the same encoder. */
const firstSplit = (source: string) =>
  join(source, readdirSync(source, { withFileTypes: true }).find((entry) => entry.isDirectory() && entry.name !== 'annotations')!.name);

/** The file of the encoder that runs of this setting are planned with, calibrated where it must be. */
async function findWeights({ redisUrl, encoder }: Setting, folder: string): Promise<string> {
  const storeUrl = pathToFileURL(join(folder, 'store')).href;
  const env = { ...process.env, SHOWTELL_STORE: storeUrl, REDIS_URL: redisUrl, SHOWTELL_PREFIX: `bench-weights-${Date.now()}` };
  await run(['enqueue', 'synthetic:4', '--run', 'weights', ...encoder], env);
  const store = openStore(storeUrl);
  try {
    const { plan } = await new PlannedRuns(store).get('weights');
    return join(folder, 'store', keys.weights(plan.encoder.weightsSha256));
  } finally {
    await store.close();
  }
}

/** Images/s of the engine alone, in the process of its own that the worker gives it, pixels being in memory. */
async function measureBare(weights: string, { pixels }: PreparedPhotos, { precision, threads }: Setting): Promise<number> {
  const engine = await startEngineProcess({ weights, precision, engine: 'onnx', device: 'cpu', threads });
  const batches = Array.from({ length: Math.ceil(pixels.length / MICRO_BATCH) }, (_, batch) =>
    Buffer.concat(pixels.slice(batch * MICRO_BATCH, (batch + 1) * MICRO_BATCH)),
  );
  await engine.encode(batches[0]!, batches[0]!.length / PIXEL_BYTES);
  const startedAt = performance.now();
  for (const batch of batches) await engine.encode(batch, batch.length / PIXEL_BYTES);
  const seconds = (performance.now() - startedAt) / 1_000;
  await engine.close();
  return pixels.length / seconds;
}

/**
 * Images/s over several runs of the same photos, from the moment ingest begins to the last commit. The encoder is warm by then, as
 * the bare engine is.
 */
async function measurePipeline(
  { source, redisUrl, threads, precision, pixelWindow, encoder }: Setting,
  photos: number,
  folder: string,
): Promise<PipelineFigures> {
  const storeUrl = pathToFileURL(join(folder, 'store')).href;
  const env = {
    ...process.env,
    SHOWTELL_STORE: storeUrl,
    REDIS_URL: redisUrl,
    SHOWTELL_PREFIX: `bench-${Date.now()}`,
    SHOWTELL_PIXEL_WINDOW: String(pixelWindow),
  };
  const store = openStore(storeUrl);
  const redis = new Redis(redisUrl);
  const workers = [
    start(['worker', 'ingest'], env),
    start(['worker', 'encoder', '--precision', precision, '--threads', String(threads)], env),
  ];
  try {
    await run(['enqueue', 'synthetic:4', '--run', 'warm-up', ...encoder, '--wait'], env);
    await stop(workers.shift()!);
    const runs = Array.from({ length: RUNS }, (_, index) => `measured-${index}`);
    for (const name of runs) await run(['enqueue', source, '--run', name, ...encoder], env);
    const ingest = start(['worker', 'ingest'], env);
    workers.push(ingest);
    await untilReady(ingest);
    const startedAt = Date.now();
    let redisBytes = 0;
    while (!(await everyRun(runs, (name) => store.head(keys.manifest(name, 1))))) {
      redisBytes = Math.max(redisBytes, Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]));
      await sleep(200);
    }
    const commits = (await Promise.all(runs.map((name) => readCommits(store, name)))).flatMap((records) => [...records.values()]);
    const images = commits.reduce((sum, { rows, rejected }) => sum + rows + rejected.length, 0);
    if (images !== RUNS * photos) throw new ShowtellError('BUG', `Expected ${RUNS * photos} committed images but received ${images}`);
    const seconds = (Math.max(...commits.map(({ execution }) => Date.parse(execution.at))) - startedAt) / 1_000;
    return { imagesPerSecond: images / seconds, ingestMB: peakMB(ingest.pid), redisMB: redisBytes / 1e6 };
  } finally {
    await Promise.all(workers.map(stop));
    redis.disconnect();
    await store.close();
  }
}

const everyRun = async (runs: readonly string[], found: (run: string) => Promise<unknown>) =>
  (await Promise.all(runs.map(found))).every((result) => result !== undefined);

const start = (args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess =>
  spawn(process.execPath, [PROGRAM, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });

/** Resolves when the worker logs that it is ready. */
async function untilReady(worker: ChildProcess): Promise<void> {
  for await (const line of createInterface({ input: worker.stderr! })) if (line.includes('is ready')) return;
  throw new ShowtellError('BUG', 'The worker ended before it was ready');
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = start(args, env);
  const said: string[] = [];
  child.stderr!.on('data', (text: Buffer) => said.push(String(text)));
  const code = await new Promise((ended) => child.once('close', ended));
  if (code !== 0) throw new ShowtellError('BUG', `showtell ${args.join(' ')} ended with exit code ${String(code)}: ${said.join('')}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

function report(
  photos: PreparedPhotos,
  bareRounds: readonly number[],
  rounds: readonly PipelineFigures[],
  { threads, precision, pixelWindow }: Setting,
  json: boolean,
): void {
  const bare = median(bareRounds);
  const pipeline = median(rounds.map(({ imagesPerSecond }) => imagesPerSecond));
  const ideal = 1 / (1 / bare + 1 / photos.photosPerSecond);
  const figures = {
    images: photos.pixels.length,
    precision,
    threads,
    pixelWindow,
    bareImagesPerSecond: bare,
    preparedImagesPerSecond: photos.photosPerSecond,
    // Of cores that engine and preparing share; where the engine leaves one free, more is possible.
    idealImagesPerSecond: ideal,
    pipelineImagesPerSecond: pipeline,
    keptOfIdeal: pipeline / ideal,
    kept: median(rounds.map(({ imagesPerSecond }, round) => imagesPerSecond / bareRounds[round]!)),
    decodeShare: photos.cpuSeconds / (photos.cpuSeconds + threads / bare),
    decodeMilliseconds: photos.cpuSeconds * 1_000,
    ingestPeakMB: Math.max(...rounds.map(({ ingestMB }) => ingestMB)),
    redisPeakMB: Math.max(...rounds.map(({ redisMB }) => redisMB)),
  };
  if (json) return void process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  process.stdout.write(
    formatTable(
      ['figure', 'median'],
      [
        ['bare engine', `${bare.toFixed(2)} images/s`],
        ['preparing photos alone', `${photos.photosPerSecond.toFixed(0)} images/s`],
        ['ideal: these two on the same cores', `${ideal.toFixed(2)} images/s`],
        ['whole pipeline', `${pipeline.toFixed(2)} images/s`],
        ['kept of the bare engine', percent(figures.kept)],
        ['kept of the ideal', percent(figures.keptOfIdeal)],
        ["decode's share of the work", `${percent(figures.decodeShare)} (${figures.decodeMilliseconds.toFixed(1)} ms of CPU a photo)`],
        ['ingest, peak memory', `${figures.ingestPeakMB.toFixed(0)} MB`],
        ['Redis, peak memory', `${figures.redisPeakMB.toFixed(0)} MB`],
      ],
    ),
  );
}

runBench(main);
