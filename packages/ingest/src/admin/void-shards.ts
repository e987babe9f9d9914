import { concurrently } from '@showtell/shared/concurrently';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlannedRun } from '@showtell/shared/planned-run';
import { redisError, redisHost, redisPrefix } from '@showtell/shared/queue/connection';
import type { Queues } from '@showtell/shared/queue/queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import type { VoidRecord } from '@showtell/shared/schema/void';
import type { Logger } from 'pino';
import { newestManifest } from '../manifest';
import { listVoids } from '../voids';
import { type AddedJobs, addFinalize, addJobs, untilFinalizerRests } from './add-jobs';
import { type VoidShardOptions, voidShard } from './void-shard';

export interface AgainOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly run: PlannedRun;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
  readonly shards: readonly Pick<VoidShardOptions, 'shard' | 'reason' | 'detail' | 'recordSha256'>[];
  /** Has the finalizer look at the run although nothing is missing. */
  readonly finalize?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Again {
  readonly voided: readonly VoidRecord[];
  /** Shards whose commit record was another by now, and was left alone. */
  readonly left: readonly number[];
  readonly jobs: AddedJobs;
}

const AT_ONCE = 16;

/**
 * Takes commit records away under the run's lock, and adds jobs for what is missing then. Of two at once the second finds the records
 * gone or replaced, and leaves them; killed at any line it can be called again, and so can `enqueue`, which adds what is missing.
 */
export async function encodeAgain(options: AgainOptions): Promise<Again> {
  const { store, queues, run, logger, signal } = options;
  try {
    const { voided, left } = await withRunLock(
      queues.redis,
      redisPrefix(queues.settings),
      run.name,
      (lock) => voidShards(options, lock),
      signal ? { signal } : {},
    );
    await untilFinalizerRests(queues, run.name, signal);
    if (options.finalize === true) await addFinalize(queues, run.name);
    return { voided, left, jobs: await addJobs({ store, queues, run, logger, ...(signal && { signal }) }) };
  } catch (error) {
    throw redisError(error, `${redisHost(queues.settings.redis!)} (REDIS_URL)`);
  }
}

async function voidShards({ store, run, shards, onProgress }: AgainOptions, signal: AbortSignal): Promise<Pick<Again, 'voided' | 'left'>> {
  const newest = await newestManifest(store, run.name, { signal });
  const last = new Map((await listVoids(store, run.name, { signal })).map((entry) => [entry.shard, entry]));
  const voided: VoidRecord[] = [];
  const left: number[] = [];
  let done = 0;
  await concurrently(shards, AT_ONCE, async (request) => {
    signal.throwIfAborted();
    const record = await voidShard({ ...request, store, run: run.name, newest, last: last.get(request.shard), signal });
    if (record) voided.push(record);
    else left.push(request.shard);
    onProgress?.(++done, shards.length);
  });
  return { voided: voided.sort((a, b) => a.shard - b.shard), left: left.sort((a, b) => a - b) };
}
