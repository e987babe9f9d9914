import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { newestCheckpoint } from '../checkpoint/checkpoints';
import { Lease } from '../checkpoint/lease';
import { hasDiverged, readDone, writeDone } from './done';
import { type FitOptions, fit } from './fit';
import { readTraining } from './freeze';

export interface TrainOptions extends Omit<FitOptions, 'onEvent'>, Partial<Pick<FitOptions, 'onEvent'>> {
  /** Default 30. */
  readonly leaseSeconds?: number;
}

export interface TrainEnd {
  /** `stopped`: `signal` was aborted; calling `train` again goes on where it stopped. */
  readonly outcome: 'completed' | 'stopped';
  readonly step: number;
  readonly epoch: number;
}

/**
 * Trains what `training.json` of that name says, from the newest checkpoint or the beginning, to the end or until told to stop.
 * Stopped, killed and resumed any number of times it takes the same steps as if never interrupted.
 * @throws ShowtellError `DIVERGED` naming the step; `LEASE_HELD` (another trainer works on it), `FENCED` (another has taken over);
 * `NOT_FOUND`, `CORRUPT_SHARD`, `CORRUPT_CHECKPOINT`, `EMPTY_DATASET`; the store's errors.
 */
export async function train(store: ObjectStore, training: string, options: TrainOptions): Promise<TrainEnd> {
  const { holder, leaseSeconds = 30, signal, onEvent: emit = () => {} } = options;
  const record = await readTraining(store, training);
  const done = await readDone(store, training);
  if (done?.outcome === 'completed') {
    const end = { outcome: 'completed', step: done.step, epoch: done.epoch } as const;
    // Whoever was killed before it told of the end tells of it now.
    emit({ event: 'end', ...end, reason: done.reason });
    return end;
  }
  if (done) throw hasDiverged(training, done.reason);
  await store.probe();
  const onTrouble = (error: unknown) => emit({ event: 'trouble', what: 'could not renew or release the lease', error });
  const onWait = (other: string) => emit({ event: 'waiting', training, holder: other, seconds: leaseSeconds });
  let lease: Lease | undefined;
  try {
    lease = await Lease.acquire(store, training, { holder, leaseSeconds, onTrouble, onWait, ...(signal && { signal }) });
    const { finished, ...end } = await fit(store, record, lease, { ...options, onEvent: emit });
    if (finished === undefined) {
      emit({ event: 'end', outcome: 'stopped', ...end });
      return { outcome: 'stopped', ...end };
    }
    await writeDone(store, training, { outcome: 'completed', ...end, reason: finished });
    emit({ event: 'end', outcome: 'completed', ...end, reason: finished });
    return { outcome: 'completed', ...end };
  } catch (error) {
    if (!signal?.aborted || error !== signal.reason) throw error;
    // Stopped while it waited for the lease or read the dataset: nothing is lost.
    const newest = await newestCheckpoint(store, training);
    const end = { outcome: 'stopped', step: newest?.record.step ?? 0, epoch: newest?.record.epoch ?? 0 } as const;
    emit({ event: 'end', ...end });
    return end;
  } finally {
    await lease?.release().catch(onTrouble);
  }
}
