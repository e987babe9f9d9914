import { aliasNames } from '@showtell/shared/alias-names';
import { concurrently } from '@showtell/shared/concurrently';
import { ShowtellError } from '@showtell/shared/errors';
import type { KeyKind } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';
import { isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { jobIds, type Queues } from '@showtell/shared/queue/queues';
import { type FolderHoldings, lookAtFolder, removeFolder } from '@showtell/shared/remove-folder';
import { Lease, type LeaseOptions } from './checkpoint/lease';
import { trainingNames, unknownTraining } from './checkpoint/model-name';
import { readTraining } from './train/freeze';

const READS = 16;

/** Without its aliases and commit records nobody pulls or evaluates it; the name is taken until nothing else is left. */
const ORDER: readonly (readonly KeyKind[])[] = [
  ['alias'],
  ['checkpoint'],
  ['checkpointPart', 'metrics'],
  ['done'],
  ['lease'],
  ['training'],
];

export interface TrainingHoldings extends FolderHoldings {
  readonly training: string;
  readonly aliases: readonly string[];
  /** Trainings that begin with one of its checkpoints. */
  readonly users: readonly string[];
}

interface Looking {
  readonly store: ObjectStore;
  readonly training: string;
  readonly signal?: AbortSignal;
}

/** What a training holds, and who begins with it. @throws ShowtellError `NOT_FOUND`; `CORRUPT_OBJECT` where nobody knows who refers to it. */
export async function lookAtTraining({ store, training, signal }: Looking): Promise<TrainingHoldings> {
  const holdings = isName(training) ? await lookAtFolder(store, folderOf(training), { signal }) : undefined;
  const trainings = await trainingNames(store);
  if (holdings === undefined || holdings.count === 0) throw unknownTraining(store, training, trainings);
  const users: string[] = [];
  const others = trainings.filter((name) => name !== training);
  await concurrently(others, READS, async (name) => {
    const { from } = await readTraining(store, name);
    if (from?.checkpoint.startsWith(folderOf(training)) === true) users.push(name);
  });
  return { training, ...holdings, aliases: await aliasNames(store, training, signal && { signal }), users: users.sort() };
}

const folderOf = (training: string) => `${keys.trainings()}${training}/`;

/** @throws ShowtellError `IN_USE` where another training begins with this one: it could not be started again. */
export function checkTrainingUnused({ training, users }: TrainingHoldings): void {
  if (users.length === 0) return;
  throw new ShowtellError('IN_USE', `The training ${training} is in use by training ${users.join(', ')}, which begins with it`, {
    hint: `Remove that first: showtell rm --training ${users[0]}`,
  });
}

export interface RemoveTrainingOptions extends Looking, Pick<LeaseOptions, 'holder' | 'leaseSeconds' | 'onWait'> {
  /** `undefined` where there is no Redis, and so no job of it. */
  readonly queues: Queues | undefined;
  readonly onProgress?: (progress: { readonly step: 'delete'; readonly done: number; readonly total: number }) => void;
}

export interface RemovedTraining {
  readonly training: string;
  readonly count: number;
  readonly bytes: number;
}

/**
 * Removes a training with its checkpoints and aliases, once no trainer works on it any more. Killed at any line, it can be called again.
 * @throws ShowtellError `NOT_FOUND`; `IN_USE`; `LEASE_HELD` while a trainer works on it; the store's errors.
 */
export async function removeTraining(options: RemoveTrainingOptions): Promise<RemovedTraining> {
  const { store, training, queues, holder, leaseSeconds, onWait, signal, onProgress } = options;
  checkTrainingUnused(await lookAtTraining(options));
  // One that is at work stays: its trainer has the lease.
  await queues?.train.remove(jobIds.train(training));
  const lease = await Lease.acquire(store, training, { holder, leaseSeconds, ...(onWait && { onWait }), ...(signal && { signal }) });
  const folder = folderOf(training);
  const tell = (done: number, total: number) => onProgress?.({ step: 'delete', done, total });
  // A trainer that wakes up finds that it was fenced, until nothing is left to go on from.
  const held = signal ? AbortSignal.any([signal, lease.signal]) : lease.signal;
  let parts: Omit<RemovedTraining, 'training'>;
  try {
    // Another may have begun with it since: the lease may have to be waited for.
    checkTrainingUnused(await lookAtTraining(options));
    parts = await removeFolder(store, folder, { order: ORDER, keep: ['lease', 'training'], signal: held, onProgress: tell });
  } finally {
    await lease.release();
  }
  const rest = await removeFolder(store, folder, { order: ORDER, signal });
  return { training, count: parts.count + rest.count, bytes: parts.bytes + rest.bytes };
}
