import type { Queue } from 'bullmq';
import { z } from 'zod';
import { redisPrefix } from './connection';
import { type Queues, ShardJob } from './queues';

const EVERY_MS = 2_000;
const TTL_MS = 15_000;
/** The rate is that of the last samples only, so that it follows what the worker does now. */
const RATE_SAMPLES = 8;

/** What a worker tells about itself; it goes by itself when the worker is gone. */
export const WorkerReport = z.object({
  name: z.string(),
  stage: z.enum(['ingest', 'encoder', 'trainer']),
  device: z.string(),
  /** Images a second, over about the last 16 seconds. */
  rate: z.number(),
  images: z.number(),
  /** What it is working at. */
  jobs: z.array(ShardJob),
});
export type WorkerReport = z.infer<typeof WorkerReport>;

export interface ReportOptions {
  readonly queues: Queues;
  readonly name: string;
  readonly stage: WorkerReport['stage'];
  /** The device in use; an encoder knows it once its engine runs. */
  readonly device: () => string;
  /** Images done since the start. */
  readonly images: () => number;
  /** Shards at work. */
  readonly jobs?: () => Iterable<ShardJob>;
}

const reportKey = (queues: Queues, name: string) => `${redisPrefix(queues.settings)}:worker:${name}`;

/** Keeps a worker's report alive. @returns how to end it. */
export function reportWorker({ queues, name, stage, device, images, jobs = () => [] }: ReportOptions): () => void {
  const key = reportKey(queues, name);
  const samples: { at: number; images: number }[] = [{ at: performance.now(), images: 0 }];
  const tell = () => {
    samples.push({ at: performance.now(), images: images() });
    if (samples.length > RATE_SAMPLES) samples.shift();
    const [first, last] = [samples[0]!, samples.at(-1)!];
    const rate = last.at > first.at ? ((last.images - first.images) * 1_000) / (last.at - first.at) : 0;
    const report: WorkerReport = { name, stage, device: device(), rate, images: images(), jobs: [...jobs()] };
    // Only shown, never relied on: a report that cannot be written is not worth an error.
    queues.redis.set(key, JSON.stringify(report), 'PX', TTL_MS).catch(() => {});
  };
  tell();
  const timer = setInterval(tell, EVERY_MS);
  return () => {
    clearInterval(timer);
    // Not waited for: it goes by itself soon, and a Redis that is away must not hold up who stops.
    queues.redis.del(key).catch(() => {});
  };
}

/** A worker as it is seen. One that has said nothing lately, as when its machine is gone, has its name alone. */
export interface SeenWorker extends Partial<WorkerReport> {
  readonly name: string;
  /** Seconds since it last told of itself, by Redis' clock. */
  readonly silentSeconds?: number;
}

/**
 * Workers that serve a queue now, by their connections' names, with what they tell of themselves. One whose process was killed is gone
 * with its connection; one whose machine is gone stays, silent, until Redis notices.
 */
export async function listWorkers(queues: Queues, queue: Pick<Queue, 'getWorkers'>): Promise<SeenWorker[]> {
  const clients = await queue.getWorkers();
  const names = [...new Set(clients.map(({ rawname = '' }) => rawname.split(':w:')[1] ?? ''))].filter((name) => name !== '').sort();
  return Promise.all(
    names.map(async (name) => {
      const key = reportKey(queues, name);
      const [report, left] = await Promise.all([queues.redis.get(key), queues.redis.pttl(key)]);
      const told = WorkerReport.safeParse(parse(report)).data;
      return told === undefined || left < 0 ? { name } : { ...told, name, silentSeconds: Math.max(0, TTL_MS - left) / 1_000 };
    }),
  );
}

function parse(text: string | null | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}
