import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type PlannedRun, readControlRecord } from '@showtell/shared/planned-run';
import { redisError, redisHost, redisPrefix } from '@showtell/shared/queue/connection';
import { jobIds, type Queues } from '@showtell/shared/queue/queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import { forgetTurns, takeTurns } from '@showtell/shared/queue/turns';
import { GREATEST_PRIORITY, LEAST_PRIORITY, priorityOf } from '@showtell/shared/schema/control';
import type { Logger } from 'pino';
import { LOCATED_AT_ONCE } from './add-jobs';
import { type ChangedControl, changeControl } from './change-control';
import { LOCK_WAIT_MS } from './dequeue';

export interface PriorityOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly run: PlannedRun;
  readonly priority: number;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

export interface ChangedPriority {
  readonly run: string;
  readonly before: number;
  readonly priority: number;
  /** Waiting jobs that were given new turns. */
  readonly reordered: number;
}

/**
 * Writes a run's share of the workers down, for jobs that are added from now on.
 * @throws ShowtellError `CONFIG_INVALID` for a share that no run can have.
 */
export function writePriority(
  store: ObjectStore,
  run: string,
  priority: number,
  options?: { readonly signal?: AbortSignal },
): Promise<ChangedControl> {
  if (!Number.isInteger(priority) || priority < LEAST_PRIORITY || priority > GREATEST_PRIORITY)
    throw new ShowtellError(
      'CONFIG_INVALID',
      `Expected a whole number from ${LEAST_PRIORITY} to ${GREATEST_PRIORITY} for the priority of the run ${run} but received ${priority}`,
    );
  // Of a run that has it already, as by default, nothing is written.
  return changeControl(store, run, (current) => (priorityOf(current) === priority ? current : { ...current, priority }), options);
}

/** Changes a run's share of the workers, also for what waits already. Killed at any line, it can be called again. */
export async function setPriority({ store, queues, run, priority, logger, signal }: PriorityOptions): Promise<ChangedPriority> {
  const options = signal && { signal };
  const { before } = await writePriority(store, run.name, priority, options);
  try {
    const reordered = await withRunLock(queues.redis, redisPrefix(queues.settings), run.name, (lock) => reorder(store, queues, run, lock), {
      waitMs: LOCK_WAIT_MS,
      ...options,
    });
    logger.debug({ run: run.name, priority, reordered }, 'changed the priority');
    return { run: run.name, before: priorityOf(before), priority, reordered };
  } catch (error) {
    throw redisError(error, `${redisHost(queues.settings.redis!)} (REDIS_URL)`);
  }
}

/** New turns for all that waits, in the order of the shards, from what is served now. What is handed on from now on gets turns behind them. */
async function reorder(store: ObjectStore, queues: Queues, run: PlannedRun, signal: AbortSignal): Promise<number> {
  // Of two operators at once the last to write need not be the last to come here.
  const priority = priorityOf((await readControlRecord(store, run.name, { signal })).record);
  let reordered = 0;
  for (const queue of [queues.ingest, queues.encode(run.plan.encoder.precision)]) {
    const at = { redis: queues.redis, queue };
    await forgetTurns(at, run.name);
    for (let start = 0; start < run.plan.shards.length; start += LOCATED_AT_ONCE) {
      signal.throwIfAborted();
      const ids = run.plan.shards.slice(start, start + LOCATED_AT_ONCE).map(({ shard }) => jobIds.shard(run.name, shard));
      const states = await Promise.all(ids.map((id) => queue.getJobState(id)));
      const waiting = ids.filter((_, index) => states[index] === 'prioritized' || states[index] === 'delayed');
      const turns = await takeTurns(at, run.name, priority, waiting.length);
      const changed = await Promise.all(
        waiting.map(async (id, index) => {
          const job = await queue.getJob(id);
          // Done meanwhile, otherwise.
          await job?.changePriority({ priority: turns[index]! }).catch(ignoreMissing);
          return job === undefined ? 0 : 1;
        }),
      );
      reordered += changed.reduce<number>((sum, count) => sum + count, 0);
    }
  }
  return reordered;
}

/** A job that was done and removed in between needs no other place. */
function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && /missing key/i.test(error.message))) throw error;
}
