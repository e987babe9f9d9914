import { setTimeout as sleep } from 'node:timers/promises';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRecord } from '@showtell/shared/read-record';
import { LeaseRecord, TRAINING_FORMAT } from '@showtell/shared/schema/checkpoint';
import { encodeRecord } from '@showtell/shared/schema/record';

export interface LeaseOptions {
  /** Names the process in messages and records; no two processes may have the same. */
  readonly holder: string;
  /** A lease that does not change for this long is taken over; it is renewed three times as often. */
  readonly leaseSeconds: number;
  readonly signal?: AbortSignal;
  /** Told of renewals that the store did not answer; the next one may succeed. */
  readonly onTrouble?: (error: unknown) => void;
  /** Told before it waits to see whether `holder` is still alive. */
  readonly onWait?: (holder: string) => void;
}

/** A lease as it lies in the store, with what compare-and-swap needs. */
interface StoredLease {
  readonly record: LeaseRecord;
  readonly etag: string;
}

/**
 * The right to train one training. Its epoch grows with every acquisition and stands in the key of each checkpoint, so that
 * what a trainer writes that was stopped past its lease can be told from what its successor writes.
 */
export class Lease {
  /** Aborts with `FENCED` once another trainer has taken over. */
  readonly signal: AbortSignal;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #pending: Promise<void> = Promise.resolve();

  private constructor(
    private readonly store: ObjectStore,
    private readonly training: string,
    options: LeaseOptions,
    private held: StoredLease,
  ) {
    this.signal = this.#lost.signal;
    this.#timer = setInterval(
      () => {
        this.renew().catch((error: unknown) => {
          // FENCED reaches the trainer through `signal`.
          if (!isShowtellError(error, 'FENCED')) options.onTrouble?.(error);
        });
      },
      (options.leaseSeconds * 1000) / 3,
    );
    this.#timer.unref();
  }

  /**
   * Takes the lease, waiting out the lease time of a holder that shows no sign of life.
   * @throws ShowtellError `LEASE_HELD` when the holder renews it meanwhile, or another trainer is quicker.
   */
  static async acquire(store: ObjectStore, training: string, options: LeaseOptions): Promise<Lease> {
    // A worker that is stopping may be given the job back that it has just put down.
    options.signal?.throwIfAborted();
    const found = await readLease(store, training);
    const current = found && !found.record.released ? await outlast(store, training, found, options) : found;
    const record: LeaseRecord = {
      formatVersion: TRAINING_FORMAT,
      epoch: (current?.record.epoch ?? 0) + 1,
      holder: options.holder,
      beat: 0,
      released: false,
    };
    const held = await swap(store, training, current, record);
    if (!held) throw leaseHeld(training, (await readLease(store, training))?.record);
    return new Lease(store, training, options, held);
  }

  get epoch(): number {
    return this.held.record.epoch;
  }

  /** Proves by compare-and-swap that the lease is still ours. @throws ShowtellError `FENCED`, or the store's errors. */
  renew(): Promise<void> {
    return this.#swapNext(false);
  }

  /** Lets the next trainer begin at once. One that has begun already is nobody's trouble. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    if (this.signal.aborted) return;
    await this.#swapNext(true).catch((error: unknown) => {
      if (!isShowtellError(error, 'FENCED')) throw error;
    });
  }

  /** One swap at a time: each must name the etag that the one before has left. */
  #swapNext(released: boolean): Promise<void> {
    const swapped = this.#pending.then(async () => {
      this.signal.throwIfAborted();
      const record = { ...this.held.record, beat: this.held.record.beat + 1, released };
      const held = await swap(this.store, this.training, this.held, record);
      if (held) {
        this.held = held;
        return;
      }
      clearInterval(this.#timer);
      const holder = (await readLease(this.store, this.training))?.record.holder ?? 'nobody known';
      const error = fenced(`Training ${this.training} was taken over by ${holder}`);
      this.#lost.abort(error);
      throw error;
    });
    this.#pending = swapped.catch(() => {});
    return swapped;
  }
}

export async function readLease(store: ObjectStore, training: string): Promise<StoredLease | undefined> {
  return readRecord(store, LeaseRecord, TRAINING_FORMAT, keys.lease(training));
}

/** Writes `record` in the place of `current`; `undefined` when another one is there by now. */
async function swap(
  store: ObjectStore,
  training: string,
  current: StoredLease | undefined,
  record: LeaseRecord,
): Promise<StoredLease | undefined> {
  const key = keys.lease(training);
  const body = encodeRecord(record);
  const result = current ? await store.replace(key, body, current.etag) : await store.putIfAbsent(key, body);
  if ('etag' in result) return { record, etag: result.etag };
  // Our own write whose answer was lost looks like somebody else's; holder, epoch and beat tell them apart.
  const found = await readLease(store, training);
  const ours = found && found.record.holder === record.holder && found.record.epoch === record.epoch && found.record.beat === record.beat;
  return ours ? found : undefined;
}

/**
 * The lease once it has not changed for the lease time, by this machine's monotonic clock, or was released meanwhile.
 * @throws ShowtellError `LEASE_HELD` when its holder renews it.
 */
async function outlast(store: ObjectStore, training: string, first: StoredLease, options: LeaseOptions): Promise<StoredLease> {
  const { leaseSeconds, signal } = options;
  options.onWait?.(first.record.holder);
  const since = performance.now();
  for (;;) {
    await sleep(leaseSeconds * 50, undefined, signal && { signal }).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
    // Taken before reading: a watcher that was itself stopped must not count what it did not see.
    const waited = performance.now() - since;
    const now = await readLease(store, training);
    if (now?.etag !== first.etag) {
      if (now?.record.released) return now;
      throw leaseHeld(training, now?.record);
    }
    if (waited >= leaseSeconds * 1000) return now;
  }
}

/** @param what tells whoever finds that another has taken over. */
export function fenced(what: string): ShowtellError {
  return new ShowtellError('FENCED', what, {
    hint: 'This process was away for longer than its lease. Its last committed checkpoint is kept; the other one goes on.',
  });
}

function leaseHeld(training: string, record: LeaseRecord | undefined): ShowtellError {
  return new ShowtellError('LEASE_HELD', `Training ${training} is being trained by ${record?.holder ?? 'another process'} right now`, {
    hint: 'Wait until it ends, or stop it: SIGTERM makes it save a checkpoint first.',
  });
}
