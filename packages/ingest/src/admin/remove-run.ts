import { ShowtellError } from '@showtell/shared/errors';
import type { KeyKind } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';
import { isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { noSuchRun } from '@showtell/shared/planned-run';
import { redisPrefix } from '@showtell/shared/queue/connection';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import { type FolderHoldings, lookAtFolder, removeFolder } from '@showtell/shared/remove-folder';
import type { Logger } from 'pino';
import { type RunUser, usersOfRun } from '../gc/users';
import { endJobs } from './end-jobs';

/**
 * In which order a run's objects go, so that at no moment it looks like more than it is: without its manifests nobody trains on it,
 * a shard's record goes before its body, and the name is taken until nothing else is left.
 */
const ORDER: readonly (readonly KeyKind[])[] = [
  ['manifest'],
  ['commit'],
  ['void', 'report'],
  ['shard'],
  ['plan'],
  ['planPart', 'captions'],
  ['control'],
  ['run'],
];

export interface RunHoldings extends FolderHoldings {
  readonly run: string;
  readonly users: readonly RunUser[];
}

interface Looking {
  readonly store: ObjectStore;
  readonly run: string;
  readonly signal?: AbortSignal;
}

/** What a run holds, and who refers to it. @throws ShowtellError `NOT_FOUND`; `CORRUPT_OBJECT` where nobody knows who refers to it. */
export async function lookAtRun({ store, run, signal }: Looking): Promise<RunHoldings> {
  const holdings = isName(run) ? await lookAtFolder(store, folderOf(run), { signal }) : undefined;
  if (holdings === undefined || holdings.count === 0) throw await noSuchRun(store, run, signal && { signal });
  return { run, ...holdings, users: await usersOfRun(store, run, signal && { signal }) };
}

const folderOf = (run: string) => `${keys.runs()}${run}/`;

/** @throws ShowtellError `IN_USE` where somebody refers to the run. */
export function checkUnused({ run, users }: RunHoldings): void {
  if (users.length === 0) return;
  const told = users.map(({ kind, name, aliases }) =>
    kind === 'run'
      ? `run ${name} (it is its base)`
      : `training ${name}${aliases.length === 0 ? '' : ` (${aliases.map((alias) => `@${alias}`).join(', ')})`}`,
  );
  throw new ShowtellError('IN_USE', `The run ${run} is in use by ${told.join(', ')}`, {
    hint: users.some(({ kind }) => kind === 'run')
      ? `Remove the runs based on it first: showtell rm ${users.find(({ kind }) => kind === 'run')!.name}`
      : `A training cannot be resumed without the runs that it is trained on. Remove it first: showtell rm --training ${users[0]!.name}`,
  });
}

export interface RemoveRunOptions extends Looking {
  /** `undefined` where there is no Redis: then no worker may be at it. */
  readonly redis: RedisServices | undefined;
  readonly logger: Logger;
  readonly onProgress?: (progress: { readonly step: 'jobs' | 'delete'; readonly done: number; readonly total: number }) => void;
}

export interface RemovedRun {
  readonly run: string;
  readonly count: number;
  readonly bytes: number;
  /** Jobs that were taken out of the queues. */
  readonly jobs: number;
}

/**
 * Removes a run: cancels it, ends its jobs, and deletes its objects; encoder weights are left to `collectGarbage`.
 * Killed at any line, it can be called again, until the last object is gone.
 * @throws ShowtellError `NOT_FOUND`; `IN_USE`; `RUN_LOCKED` when a worker does not let go of it; the store's errors, `REDIS_*`.
 */
export async function removeRun(options: RemoveRunOptions): Promise<RemovedRun> {
  const { store, run, redis, signal, onProgress } = options;
  checkUnused(await lookAtRun(options));
  const jobs = await endJobs(options);
  const remove = async (within: AbortSignal | undefined) => {
    // Somebody may have begun with it since.
    checkUnused(await lookAtRun(options));
    return removeFolder(store, folderOf(run), {
      order: ORDER,
      signal: within,
      onProgress: (done, total) => onProgress?.({ step: 'delete', done, total }),
    });
  };
  // Who enqueues it again meanwhile waits.
  const deleted =
    redis === undefined
      ? await remove(signal)
      : await withRunLock(redis.redis, redisPrefix(redis.queues.settings), run, remove, signal && { signal });
  return { run, ...deleted, jobs };
}
