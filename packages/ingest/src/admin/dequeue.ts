import { concurrently } from '@showtell/shared/concurrently';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlannedRun } from '@showtell/shared/planned-run';
import { clearShard } from '@showtell/shared/queue/clear-shard';
import { redisError, redisHost, redisPrefix } from '@showtell/shared/queue/connection';
import type { PixelWindow } from '@showtell/shared/queue/pixel-window';
import type { Pixels } from '@showtell/shared/queue/pixels';
import { isLive, jobIds, type Queues } from '@showtell/shared/queue/queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import { forgetTurns } from '@showtell/shared/queue/turns';
import type { Logger } from 'pino';
import { LOCATED_AT_ONCE } from './add-jobs';

/** Who adds 20,000 jobs holds the lock for longer than a command usually waits, and an operator's word is worth waiting for. */
export const LOCK_WAIT_MS = 60_000;
/** Shards of which pixels and reservation are given back at once. */
const CLEARED_AT_ONCE = 32;

export interface DequeueOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly pixels: Pixels;
  readonly window: PixelWindow;
  readonly run: PlannedRun;
  readonly logger: Logger;
  /** Takes jobs that failed for good out as well: nothing of the run is left then but what is at work. */
  readonly failed?: boolean;
  readonly signal?: AbortSignal;
}

/** Counts of shards. */
export interface Dequeued {
  /** Were taken out of a queue. */
  readonly removed: number;
  /** Are at work with a worker, which looks at the control record by itself. */
  readonly active: number;
}

/**
 * Takes a run's jobs out of the queues, under the run's lock, and gives back pixels and reservations of those that it took out; those
 * at work keep theirs. Write first why (the control record, a void), or `addJobs` may bring them back. May be repeated.
 * @throws ShowtellError `RUN_LOCKED`, `REDIS_*`.
 */
export async function dequeue(options: DequeueOptions): Promise<Dequeued> {
  const { queues, run, signal } = options;
  try {
    return await withRunLock(queues.redis, redisPrefix(queues.settings), run.name, (lock) => takeOut(options, lock), {
      waitMs: LOCK_WAIT_MS,
      ...(signal && { signal }),
    });
  } catch (error) {
    throw redisError(error, `${redisHost(queues.settings.redis!)} (REDIS_URL)`);
  }
}

async function takeOut({ queues, pixels, window, run, logger, failed = false }: DequeueOptions, signal: AbortSignal): Promise<Dequeued> {
  const wanted = (state: string) => (isLive(state) && state !== 'active') || (failed && state === 'failed');
  const counts = { removed: 0, active: 0 };
  const stages = [queues.ingest, queues.encode(run.plan.encoder.precision)];
  // First, or it might find jobs missing and add them again.
  const finalize = jobIds.finalize(run.name);
  if (wanted(await queues.finalize.getJobState(finalize))) await queues.finalize.remove(finalize);

  const shards = run.plan.shards.map(({ shard }) => shard);
  for (let start = 0; start < shards.length; start += LOCATED_AT_ONCE) {
    signal.throwIfAborted();
    const chunk = shards.slice(start, start + LOCATED_AT_ONCE);
    // In the order of the flow: what is handed on meanwhile is met in the next queue, and the last word on a shard is the encoders':
    // theirs are the pixels.
    const became = new Map<number, keyof Dequeued>();
    for (const queue of stages) {
      const take = async (shard: number) => {
        const id = jobIds.shard(run.name, shard);
        const state = await queue.getJobState(id);
        if (state === 'active') became.set(shard, 'active');
        // Taken by a worker since.
        else if (wanted(state)) became.set(shard, (await queue.remove(id)) === 0 ? 'active' : 'removed');
      };
      await Promise.all(chunk.map(take));
    }
    const removed = chunk.filter((shard) => became.get(shard) === 'removed');
    await concurrently(removed, CLEARED_AT_ONCE, async (shard) => clearShard(run, shard, { pixels, window }));
    counts.removed += removed.length;
    counts.active += became.size - removed.length;
  }
  // Turns of what never came must not count against the run when it goes on.
  for (const queue of stages) await forgetTurns({ redis: queues.redis, queue }, run.name);
  logger.debug({ run: run.name, ...counts }, 'took jobs out of the queues');
  return counts;
}
