import { type DefaultJobOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Settings } from '../config';
import { isName, shardDigits } from '../names';
import type { Precision } from '../schema/encoder-identity';
import { redisPrefix } from './connection';

/** Names of the queues. A worker of one precision serves its own encode queue only. */
export const queueNames = {
  ingest: 'ingest',
  encode: (precision: Precision) => `encode-${precision}`,
  finalize: 'finalize',
  train: 'train',
  /** Without jobs: its events tell workers that a control record has changed. */
  control: 'control',
} as const;

/** Ids of jobs: one shard, run or training has at most one job in a queue. */
export const jobIds = {
  shard: (run: string, shard: number) => `${run}.${shardDigits(shard)}`,
  finalize: (run: string) => `${run}.finalize`,
  train: (training: string) => `${training}.train`,
} as const;

const Name = z.string().refine(isName, { error: 'expected a name of lower-case letters, digits and "-"' });

/** Payload in `ingest` and `encode-…`. It names things and nothing else, so that Redis cannot make a worker read or write elsewhere. */
export const ShardJob = z.object({ run: Name, shard: z.int().min(0) });
export type ShardJob = z.infer<typeof ShardJob>;

/**
 * Payload in `finalize`, with the finalizer's own memory: the last wait in seconds, the commits seen then, the number of looks in a
 * row at which a missing shard had no job, and whether all missing ones had failed for good.
 */
export const RunJob = z.object({
  run: Name,
  wait: z.number().min(0).optional(),
  seen: z.int().min(0).optional(),
  lost: z.int().min(0).optional(),
  stuck: z.boolean().optional(),
});
export type RunJob = z.infer<typeof RunJob>;

/**
 * Payload in `train`. When `training.json` is there, it is trained as frozen and `run` is not looked at; otherwise the trainer freezes
 * the training that `run` was enqueued to end in, as its `run.json` says: what is asked for stands in the object store alone.
 */
export const TrainJob = z.object({ training: Name, run: Name.optional() });
export type TrainJob = z.infer<typeof TrainJob>;

/** The training that a run enqueued with `--train PRESET` ends in, when nobody gave it a name. */
export function defaultTrainingName(run: string, preset: string): string {
  return `${run.slice(0, 62 - preset.length).replace(/-+$/, '')}-${preset}`;
}

// Its log says what a job waits for.
const kept: DefaultJobOptions = { removeOnComplete: true, removeOnFail: false, keepLogs: 10 };
const DEFAULTS = {
  // The fourth attempt hands on without pixels, so a shard fails for good in the encode queue only.
  ingest: { ...kept, attempts: 4, backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 } },
  encode: { ...kept, attempts: 5, backoff: { type: 'exponential', delay: 2_000, jitter: 0.5 } },
  // It must outlast a store that is away for any time; what trying again cannot mend fails at once all the same.
  finalize: { ...kept, attempts: 1_000_000, backoff: { type: 'fixed', delay: 15_000, jitter: 0.5 } },
  train: { ...kept, removeOnComplete: { count: 100 }, attempts: 3, backoff: { type: 'exponential', delay: 5_000 } },
} satisfies Record<string, DefaultJobOptions>;

/** How often BullMQ takes a job from a dead worker before it fails it. The finalizer has no limit: it only reads and waits. */
export const MAX_STALLED = { ingest: 10, encode: 10, finalize: Number.MAX_SAFE_INTEGER, train: 10 } as const;

/** States of a job that will still run, or runs. */
export const LIVE_STATES = ['waiting', 'prioritized', 'delayed', 'active', 'waiting-children'] as const;
export const isLive = (state: string) => (LIVE_STATES as readonly string[]).includes(state);

/** The queues of one installation, over one shared connection, which stays its owner's to close. */
export class Queues {
  readonly ingest: Queue<ShardJob>;
  readonly finalize: Queue<RunJob>;
  readonly train: Queue<TrainJob>;
  readonly #encode = new Map<Precision, Queue<ShardJob>>();

  /** @param addsNone leaves Redis as it is, also without the settings that BullMQ keeps beside each queue for those who add jobs. */
  constructor(
    readonly redis: Redis,
    readonly settings: Settings,
    private readonly addsNone = false,
  ) {
    this.ingest = this.#open(queueNames.ingest, DEFAULTS.ingest);
    this.finalize = this.#open(queueNames.finalize, DEFAULTS.finalize);
    this.train = this.#open(queueNames.train, DEFAULTS.train);
  }

  encode(precision: Precision): Queue<ShardJob> {
    let queue = this.#encode.get(precision);
    if (queue === undefined) {
      queue = this.#open(queueNames.encode(precision), DEFAULTS.encode);
      this.#encode.set(precision, queue);
    }
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all([this.ingest, this.finalize, this.train, ...this.#encode.values()].map((queue) => queue.close()));
  }

  #open<T>(name: string, defaultJobOptions: DefaultJobOptions): Queue<T> {
    const queue = new Queue<T>(name, {
      connection: this.redis,
      prefix: redisPrefix(this.settings),
      defaultJobOptions,
      streams: { events: { maxLen: 1_000 } },
      skipMetasUpdate: this.addsNone,
    });
    // The connection's owner listens for its errors; without a listener here each of them would end the process.
    queue.on('error', () => {});
    return queue;
  }
}

/**
 * Adds a `train` job unless one of that training is live; a failed or completed one makes room.
 * @returns whether a job was added.
 */
export async function addTrainJob(queues: Queues, job: TrainJob): Promise<boolean> {
  const jobId = jobIds.train(job.training);
  const state = await queues.train.getJobState(jobId);
  if (isLive(state)) return false;
  if (state !== 'unknown') await queues.train.remove(jobId);
  await queues.train.add('train', job, { jobId });
  return true;
}

/** Lets a run's finalizer look now instead of at the end of its wait. A hint only: it looks by itself as well. */
export async function hastenFinalize(queues: Queues, run: string): Promise<void> {
  const job = await queues.finalize.getJob(jobIds.finalize(run));
  if (await job?.isDelayed()) await job?.promote();
}
