import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCommits } from '@showtell/ingest/commits';
import type { Settings } from '@showtell/shared/config';
import type { Device } from '@showtell/shared/device';
import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { Queues } from '@showtell/shared/queue/queues';
import type { Redis } from 'ioredis';
import { type BenchServers, type BenchShape, benchSettings, enqueueBench, photosUrl, putPhoto } from './scale-dataset';
import { type Busy, busyBetween, sampleUsage, type UsageSample } from './scale-usage';
import { startWorkers } from './scale-workers';
import { type SteadyRate, steadyRate } from './steady-rate';

export interface ScalePoint {
  readonly workers: number;
  /** Of every encoder worker, for a shard. */
  readonly secondsPerShard: number;
  readonly device: Device;
  readonly shape: BenchShape;
  /** Bytes that may wait in Redis; 0: encoders prepare their photos. */
  readonly pixelWindow: number;
  /** Ingest processes; each works at `concurrency` shards at once. */
  readonly ingest: number;
  readonly concurrency: number;
  /** Processes that the encoder workers share. */
  readonly processes: number;
}

export interface ScaleFigures {
  readonly workers: number;
  readonly shardsPerSecond: number;
  /** Of what the encoders alone would do. */
  readonly reached: number;
  /** Of the jobs that encoders can have in hand, those that they had. */
  readonly inHand: number;
  readonly busy: Busy;
  /** Redis commands of a shard. */
  readonly commands: number;
  /** Pixels through Redis, bytes/s. */
  readonly pixelBytesPerSecond: number;
  /** Most memory of any process of the stage, bytes. */
  readonly ingestRss: number;
  readonly encoderRss: number;
}

const POLL_MS = 50;
/** Jobs that a worker of that device has in hand (see encoder-worker/lane.ts). */
const jobsAtOnce = (device: Device) => (device === 'cpu' ? 1 : 2);

/** Real ingest and encoder workers, warm, over one run of that shape, from its jobs to its manifest. */
export async function measurePoint(point: ScalePoint, servers: BenchServers, folder: string): Promise<ScaleFigures> {
  const { workers, device, shape, secondsPerShard, pixelWindow } = point;
  const settings = benchSettings(servers, { pixelWindow });
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
  const photos = openStore(photosUrl(servers.objects), { endpoint: settings.s3Endpoint });
  const photo = await putPhoto(photos, shape.side);
  const cacheFolder = mkdtempSync(join(folder, 'weights-'));
  const engine = { device, side: shape.side, dimension: shape.dimension, secondsPerImage: secondsPerShard / shape.rows };
  const common = { settings, cacheFolder, engine };
  const encode = async (run: string, shards: number, onJobs?: () => Promise<void>) => {
    let told: Promise<void> | undefined;
    await enqueueBench({
      objects: servers.objects,
      photo,
      settings,
      store,
      run,
      shape: { ...shape, shards },
      onProgress: ({ step, done, total }) => {
        if (step === 'plan' && done === total) told ??= onJobs?.();
      },
    });
    await told;
    while ((await store.head(keys.manifest(run, 1))) === undefined) await sleep(POLL_MS);
  };
  const processes = (
    await Promise.all([
      startWorkers({ ...common, stage: 'ingest', workers: point.ingest, concurrency: point.concurrency }, point.ingest),
      startWorkers({ ...common, stage: 'encoder', workers }, point.processes),
    ])
  ).flat();
  const run = `measured-${workers}`;
  try {
    // Twice as many as they need, since who is quick takes some of another's.
    await encode(`warm-${workers}`, 2 * workers * jobsAtOnce(device));
    for (const process of processes) process.wait();
    let before: UsageSample | undefined;
    let after: Promise<UsageSample> | undefined;
    await encode(run, shape.shards, async () => {
      before = await sampleUsage(servers, processes);
      // Until the last shard is taken, as the rate is: what follows is the end, with some of them idle.
      after = untilTaken(servers.redis.redis, settings, shape.shards).then(() => sampleUsage(servers, processes));
    });
    const { rate: shardsPerSecond, inHand } = await rateOf(store, run, point);
    return {
      workers,
      shardsPerSecond,
      reached: (shardsPerSecond * secondsPerShard) / workers,
      inHand,
      busy: busyBetween(before!, (await after)!),
      commands: ((await after)!.commands - before!.commands) / shape.shards,
      pixelBytesPerSecond: pixelWindow === 0 ? 0 : shardsPerSecond * shape.rows * pixelBytes(shape.side),
      ingestRss: Math.max(...(await after)!.ingest.map(({ rss }) => rss)),
      encoderRss: Math.max(...(await after)!.encoder.map(({ rss }) => rss)),
    };
  } finally {
    await Promise.all(processes.map((process) => process.stop()));
    await store.close();
    await photos.close();
    rmSync(cacheFolder, { recursive: true });
  }
}

/** Resolves once no shard waits any more, after some have. */
async function untilTaken(redis: Redis, settings: Settings, shards: number): Promise<void> {
  const queues = new Queues(redis, settings, true);
  const counts = async () => {
    const [ingest, encode] = [queues.ingest, queues.encode('float32')];
    return (
      (await ingest.getJobCountByTypes('prioritized', 'waiting', 'active')) + (await encode.getJobCountByTypes('prioritized', 'waiting'))
    );
  };
  while ((await counts()) < Math.min(shards, 2)) await sleep(2);
  while ((await counts()) > 0) await sleep(POLL_MS);
  await queues.close();
}

/** What was committed is what counts, and by its own records. */
async function rateOf(store: ObjectStore, run: string, { workers, device, shape }: ScalePoint): Promise<SteadyRate> {
  const commits = [...(await readCommits(store, run)).values()];
  const images = commits.reduce((sum, { rows }) => sum + rows, 0);
  if (images !== shape.shards * shape.rows)
    throw new ShowtellError('BUG', `Expected ${shape.shards * shape.rows} committed images but received ${images}`);
  const worked = commits.map(({ execution: { at, seconds } }) => ({ from: Date.parse(at) / 1_000 - seconds, to: Date.parse(at) / 1_000 }));
  // Whoever has two jobs in hand is settled from its third and fourth on.
  const jobs = jobsAtOnce(device);
  const { rate, inHand: most } = steadyRate(worked, workers * jobs * jobs);
  return { rate, inHand: most / (workers * jobs) };
}
