import { concurrently } from '@showtell/shared/concurrently';
import { ShowtellError } from '@showtell/shared/errors';
import { type KeyKind, kindOfKey } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';
import { isName } from '@showtell/shared/names';
import type { ObjectInfo, ObjectStore } from '@showtell/shared/object-store/object-store';
import { redisPrefix } from '@showtell/shared/queue/connection';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import type { Logger } from 'pino';
import { type RunUser, usersOfRun } from '../gc/users';
import { endJobs } from './end-jobs';
import { noSuchRun } from './status';

const DELETES = 16;
/** Rounds of listing and deleting: a worker that was stopped and goes on may write once more. */
const ROUNDS = 5;

/**
 * In which order a run's objects go, so that at no moment it looks like more than it is: without its manifests nobody trains on it,
 * a shard's record goes before its body, and the name is taken until nothing else is left. What Showtell does not know goes with the parts
 * of the plan.
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
const LAST_OF_PARTS = ORDER.findIndex((kinds) => kinds.includes('planPart'));

export interface RunHoldings {
  readonly run: string;
  readonly kinds: readonly { readonly kind: KeyKind | 'unknown'; readonly count: number; readonly bytes: number }[];
  readonly count: number;
  readonly bytes: number;
  readonly users: readonly RunUser[];
}

interface Looking {
  readonly store: ObjectStore;
  readonly run: string;
  readonly signal?: AbortSignal;
}

/** What a run holds, and who refers to it. @throws ShowtellError `NOT_FOUND`; `CORRUPT_OBJECT` where nobody knows who refers to it. */
export async function lookAtRun({ store, run, signal }: Looking): Promise<RunHoldings> {
  const options = signal && { signal };
  const objects = isName(run) ? await objectsOf(store, run, options) : [];
  if (objects.length === 0) throw await noSuchRun(store, run, signal);
  const kindOf = ({ key }: ObjectInfo): KeyKind | 'unknown' => kindOfKey(key)?.kind ?? 'unknown';
  const kinds = [...new Set(objects.map(kindOf))].map((kind) => {
    const own = objects.filter((object) => kindOf(object) === kind);
    return { kind, count: own.length, bytes: sum(own) };
  });
  return { run, kinds, count: objects.length, bytes: sum(objects), users: await usersOfRun(store, run, options) };
}

const sum = (objects: readonly ObjectInfo[]) => objects.reduce((total, { bytes }) => total + bytes, 0);

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
      : 'A training cannot be resumed or evaluated without the run that it was trained on.',
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
  const { run, redis, signal } = options;
  checkUnused(await lookAtRun(options));
  const jobs = await endJobs(options);
  const remove = async (within: AbortSignal | undefined) => {
    // Somebody may have begun with it since.
    checkUnused(await lookAtRun(options));
    return deleteObjects(options, within);
  };
  // Who enqueues it again meanwhile waits.
  const deleted =
    redis === undefined
      ? await remove(signal)
      : await withRunLock(redis.redis, redisPrefix(redis.queues.settings), run, remove, signal && { signal });
  return { run, ...deleted, jobs };
}

async function deleteObjects(
  { store, run, onProgress }: RemoveRunOptions,
  signal: AbortSignal | undefined,
): Promise<{ readonly count: number; readonly bytes: number }> {
  const options = signal && { signal };
  let count = 0;
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const objects = await objectsOf(store, run, options);
    if (objects.length === 0) return { count, bytes };
    const total = count + objects.length;
    for (const group of inOrder(objects)) {
      await concurrently(group, DELETES, async (object) => {
        signal?.throwIfAborted();
        await store.delete(object.key);
        count += 1;
        bytes += object.bytes;
        onProgress?.({ step: 'delete', done: count, total });
      });
    }
  }
  throw new ShowtellError('RUN_LOCKED', `Somebody is still writing objects of the run ${run}`, {
    hint: 'Stop the workers, then say showtell rm again.',
  });
}

/** Groups that go one after the other; manifests singly, the newest last, or the one before it would be taken for the newest. */
function inOrder(objects: readonly ObjectInfo[]): ObjectInfo[][] {
  const rank = ({ key }: ObjectInfo) => {
    const kind = kindOfKey(key)?.kind;
    return kind === undefined ? LAST_OF_PARTS : ORDER.findIndex((kinds) => kinds.includes(kind));
  };
  const [manifests = [], ...others] = ORDER.map((_, index) => objects.filter((object) => rank(object) === index));
  const number = ({ key }: ObjectInfo) => Number(/(\d+)\.json$/.exec(key)?.[1]);
  return [...manifests.sort((a, b) => number(a) - number(b)).map((manifest) => [manifest]), ...others];
}

async function objectsOf(store: ObjectStore, run: string, options?: { readonly signal?: AbortSignal }): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for await (const object of store.list(`${keys.runs()}${run}/`, options)) objects.push(object);
  return objects;
}
