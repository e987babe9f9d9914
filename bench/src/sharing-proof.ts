import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cancelRun, pauseRun } from '@showtell/ingest/admin/halt';
import { resumeRun } from '@showtell/ingest/admin/resume';
import { setPriority } from '@showtell/ingest/admin/set-priority';
import { readCommits } from '@showtell/ingest/commits';
import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { listCommitted, type PlannedRun, PlannedRuns } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { type BenchServers, benchSettings, enqueueBench, photosUrl, putPhoto } from './scale-dataset';
import { startWorkers, type WorkerProcess } from './scale-workers';
import { type CheckedRun, checkNothingLeft, checkRun } from './sharing-check';

export interface SharingOptions {
  /** Bytes of pixels that may wait in Redis; 0: encoders prepare their photos, and ingest hands on everything at once. */
  readonly pixelWindow: number;
  /** Of each of the three runs. */
  readonly shards: number;
  /** Shards over which the shares of a phase are measured. */
  readonly measured: number;
  readonly secondsPerShard: number;
  /** Encoder workers when there are more than one. */
  readonly workers: number;
  /** Lets encoders take nothing between phases, so that a busy machine has as much left to measure as an idle one. */
  readonly hold?: boolean;
  /** Once a phase is over. */
  readonly onPhase?: (name: string) => void;
}

export interface SharingPhase {
  /** What was done before it. */
  readonly name: string;
  readonly workers: number;
  readonly shares: readonly {
    readonly run: string;
    readonly priority: number;
    /** Of the shards committed, 0 to 1. */
    readonly promised: number;
    readonly shards: number;
    readonly measured: number;
  }[];
}

export interface SharingProof {
  readonly phases: readonly SharingPhase[];
  readonly runs: Readonly<Record<string, CheckedRun>>;
}

const PRIORITIES = { small: 10, middle: 20, large: 40 };
type Name = keyof typeof PRIORITIES;
const NAMES = Object.keys(PRIORITIES) as Name[];

/** A phase as it began; what came of it is read from the commit records once all is over. */
interface BegunPhase {
  readonly name: string;
  readonly at: number;
  readonly workers: number;
  readonly priorities: Readonly<Record<Name, number>>;
  readonly running: readonly Name[];
}

const SHAPE = { rows: 4, microBatch: 4, side: 32, dimension: 8 };
const POLL_MS = 100;
/** In one process, once all phases are over. */
const REST_WORKERS = 8;
/** A run that does not end, or a phase, is a failure. */
const DEADLINE_MS = 120_000;

/**
 * Three runs at once on real servers and worker processes: paused, resumed, cancelled, given other priorities, while encoder workers
 * come, go and die. Measures the share of each run in each phase.
 * @throws ShowtellError when anything is lost, twice, failed or left behind.
 */
export async function proveSharing(servers: BenchServers, folder: string, options: SharingOptions): Promise<SharingProof> {
  const { pixelWindow, shards, measured, secondsPerShard, workers, hold = false, onPhase } = options;
  const shutdown = new Shutdown();
  const logger = pino({ level: 'warn' }, process.stderr);
  const settings = benchSettings(servers, {
    // Of this proof alone: runs have the same names in each.
    store: `${servers.objects.url}/sharing-${pixelWindow}`,
    pixelWindow,
    lockSeconds: 5,
    stalledSeconds: 1,
  });
  const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
  const photos = openStore(photosUrl(servers.objects), { endpoint: settings.s3Endpoint });
  const services = await openQueues(settings, logger, shutdown);
  const { queues } = services;
  const encode = queues.encode('float32');
  const common = { ...services, store, logger };
  const cacheFolder = join(folder, 'weights');
  mkdirSync(cacheFolder, { recursive: true });
  const engine = { device: 'cpu' as const, side: SHAPE.side, dimension: SHAPE.dimension, secondsPerImage: secondsPerShard / SHAPE.rows };
  const shared = { settings, cacheFolder, engine, concurrency: 4 };
  const start = (stage: WorkerProcess['stage'], count: number) => startWorkers({ ...shared, stage, workers: count }, count);

  const photo = await putPhoto(photos, SHAPE.side);
  const priorities: Record<Name, number> = { ...PRIORITIES };
  const running = new Set<Name>(NAMES);
  const runs = new Map<Name, PlannedRun>();
  const ingest: WorkerProcess[] = [];
  const encoders: WorkerProcess[] = [];
  const phases: BegunPhase[] = [];

  /** Waits until the runs that go on have work, then until `measured` further shards are committed. */
  const phase = async (name: string) => {
    await until(`${name}: all runs have work`, async () => {
      const waiting = await encode.getRanges(['prioritized'], 0, -1);
      const left = await queues.ingest.getRanges(['prioritized', 'active'], 0, -1);
      // Without a window all that there is to encode waits in the encoders' queue.
      if (pixelWindow === 0 && left.length > 0) return false;
      return [...running].every((run) => [...waiting, ...left].some((id) => id.startsWith(`${run}.`)));
    });
    if (hold) await encode.resume();
    const begun = { at: Date.now(), workers: encoders.length, priorities: { ...priorities }, running: [...running] };
    // What was at work before is committed first, and does not count.
    const enough = (await committedCount()) + begun.workers + measured;
    await until(`${name}: ${measured} shards are committed`, async () => (await committedCount()) >= enough);
    if (hold) await encode.pause();
    phases.push({ name, ...begun });
    onPhase?.(name);
  };
  const committedCount = async () => {
    const counts = await Promise.all([...runs.keys()].map(async (run) => (await listCommitted(store, run)).size));
    return counts.reduce((sum, count) => sum + count, 0);
  };

  try {
    if (hold) await encode.pause();
    ingest.push(...(await start('ingest', 1)));
    encoders.push(...(await start('encoder', 1)));
    await Promise.all(
      NAMES.map(async (run) => {
        const shape = { ...SHAPE, shards };
        await enqueueBench({ objects: servers.objects, photo, settings, store, run, shape, priority: priorities[run] });
        runs.set(run, await new PlannedRuns(store).get(run));
      }),
    );
    await phase('three runs enqueued at once');
    encoders.push(...(await start('encoder', workers - 1)));
    await phase(`${workers} workers instead of 1`);
    await pauseRun({ ...common, run: 'large' });
    running.delete('large');
    await phase('large paused');
    await resumeRun({ ...common, run: 'large' });
    running.add('large');
    await phase('large resumed');
    priorities.small = 40;
    await setPriority({ ...common, run: runs.get('small')!, priority: priorities.small });
    await phase('small has 40 instead of 10');
    await cancelRun({ ...common, run: 'middle' });
    running.delete('middle');
    await phase('middle cancelled');
    const [killed, ...stopped] = encoders.splice(1);
    await Promise.all([killed!.kill(), ...stopped.map((worker) => worker.stop())]);
    await resumeRun({ ...common, run: 'middle' });
    running.add('middle');
    await phase(`middle resumed; 1 worker instead of ${workers}, one of them killed`);
    await encode.resume();
    // What is left is of no interest, so it goes quickly.
    encoders.push(...(await startWorkers({ ...shared, stage: 'encoder', workers: REST_WORKERS }, 1)));
    await until('all runs are complete', async () => {
      const manifests = await Promise.all(NAMES.map((run) => store.head(keys.manifest(run, 1))));
      return manifests.every((manifest) => manifest !== undefined);
    });
    // The last job is told done after its manifest is written.
    await until('nothing is at work', async () => (await queues.finalize.getActiveCount()) + (await encode.getActiveCount()) === 0);
    const checked: Record<string, CheckedRun> = {};
    for (const name of runs.keys()) checked[name] = await checkRun(store, name);
    await checkNothingLeft(services);
    const order = await committedInOrder(store);
    return { phases: phases.map((begun) => measurePhase(begun, order, measured)), runs: checked };
  } finally {
    await Promise.all([...ingest, ...encoders].map((worker) => worker.stop()));
    await store.close();
    await photos.close();
    await shutdown.run();
  }
}

/** Runs of all shards in the order in which they were committed. */
async function committedInOrder(store: ObjectStore): Promise<{ run: Name; at: number }[]> {
  const found: { run: Name; at: number }[] = [];
  for (const run of NAMES)
    for (const { execution } of (await readCommits(store, run)).values()) found.push({ run, at: Date.parse(execution.at) });
  return found.sort((a, b) => a.at - b.at);
}

function measurePhase(
  { name, at, workers, priorities, running }: BegunPhase,
  order: readonly { readonly run: Name; readonly at: number }[],
  measured: number,
): SharingPhase {
  const first = order.findIndex((commit) => commit.at > at) + workers;
  const counted = order.slice(first, first + measured);
  const all = running.reduce((sum, run) => sum + priorities[run], 0);
  const shares = NAMES.map((run) => {
    const shards = counted.filter((commit) => commit.run === run).length;
    const promised = running.includes(run) ? priorities[run] / all : 0;
    return { run, priority: priorities[run], promised, shards, measured: shards / counted.length };
  });
  return { name, workers, shares };
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  for (const last = performance.now() + DEADLINE_MS; !(await ask()); await sleep(POLL_MS))
    if (performance.now() > last) throw new ShowtellError('RUN_STUCK', `Waited ${DEADLINE_MS / 1_000} s in vain until ${what}`);
}

/** Which runs were more than so many shards away from what they were promised. */
export function brokenPromises(phases: readonly SharingPhase[], slack: number): string[] {
  return phases.flatMap(({ name, shares }) => {
    const all = shares.reduce((sum, { shards }) => sum + shards, 0);
    return shares
      .filter(({ promised, shards }) => Math.abs(shards - promised * all) > slack)
      .map(({ run, promised, shards }) => `${name}: ${run} got ${shards} of ${all} shards instead of ${(promised * all).toFixed(1)}`);
  });
}
