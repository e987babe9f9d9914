import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openStore } from '@showtell/shared/object-store/open';
import { type BenchServers, benchSettings, photosUrl, putPhoto } from './scale-dataset';
import type { Verb, VerbFigures, VerbOptions } from './scale-verb-main';

const ENTRY = join(__dirname, 'scale-verb-main.js');
const run = promisify(execFile);

/** Photos of a shard: only the number of shards is measured, and real ones would take minutes to plan. */
export const PLAN_ROWS = 8;
const SHAPE = { rows: PLAN_ROWS, microBatch: 32, side: 16, dimension: 2_048 };

export interface PlanStep {
  readonly step: string;
  readonly seconds: number;
  /** Most memory of the process, bytes. */
  readonly rss: number;
}

/** What operators' verbs take for a run of so many shards. */
export interface PlanFigures {
  readonly shards: number;
  readonly steps: readonly PlanStep[];
  /** Redis memory that its jobs take, bytes. */
  readonly redisBytes: number;
}

/** One run of so many shards, from its enqueueing to its manifest; on the way every shard fails and is enqueued once more. */
export async function measurePlan(shards: number, servers: BenchServers): Promise<PlanFigures> {
  const settings = benchSettings(servers);
  const photos = openStore(photosUrl(servers.objects), { endpoint: settings.s3Endpoint });
  const photo = await putPhoto(photos, SHAPE.side);
  await photos.close();
  const steps: PlanStep[] = [];
  const call = async (verb: Verb, name: string = verb) => {
    const options: VerbOptions = { verb, objects: servers.objects, photo, shape: { ...SHAPE, shards }, run: `planned-${shards}`, settings };
    const { stdout } = await run(process.execPath, [ENTRY, JSON.stringify(options)], { maxBuffer: 2 ** 26 });
    const { seconds, rss } = JSON.parse(stdout) as VerbFigures;
    for (const [step, taken] of Object.entries(seconds)) steps.push({ step: step === verb ? name : step, seconds: taken, rss });
  };
  const before = await usedMemory(servers);
  await call('enqueue');
  const redisBytes = (await usedMemory(servers)) - before;
  await call('status', 'status, running');
  await call('look', "a finalizer's look");
  await call('enqueue', 'enqueue again, all waiting');
  await call('fail');
  await call('status', 'status, all failed');
  await call('enqueue', 'enqueue again, all failed');
  await call('commit');
  await call('finalize');
  await call('status', 'status, complete');
  await call('enqueue', 'enqueue again, complete');
  return { shards, steps: steps.filter(({ step }) => step !== 'fail' && step !== 'commit'), redisBytes };
}

const usedMemory = async ({ redis }: BenchServers) => Number(/used_memory:(\d+)/.exec(await redis.redis.info('memory'))?.[1]);
