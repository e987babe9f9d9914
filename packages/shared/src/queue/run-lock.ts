import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { ShowtellError } from '../errors';

/** Short and renewed: a dead holder's lock must not hold up the next one for long. */
const LEASE_MS = 6_000;
const RENEW_MS = 1_500;
/** Longer than the lease, so that a lock without a living holder is always waited out. */
const WAIT_MS = 10_000;

const RENEW = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0`;
const UNLOCK = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`;

/**
 * Runs `work` while no other program adds or removes jobs of the run. Its signal aborts when the lock could not be kept.
 * @throws ShowtellError `RUN_LOCKED` when another program holds it for longer than a dead one could.
 */
export async function withRunLock<T>(
  redis: Redis,
  prefix: string,
  run: string,
  work: (signal: AbortSignal) => Promise<T>,
  { waitMs = WAIT_MS, signal }: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
): Promise<T> {
  const key = `${prefix}:lock:${run}`;
  const token = randomUUID();
  for (let waited = 0; (await redis.set(key, token, 'PX', LEASE_MS, 'NX')) !== 'OK'; waited += 100) {
    if (waited >= waitMs)
      throw new ShowtellError('RUN_LOCKED', `Another program is enqueueing the run ${run} right now`, {
        hint: 'Wait for it, then try again.',
      });
    await sleep(100, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
  const lost = new AbortController();
  const renew = async () => {
    try {
      if ((await redis.eval(RENEW, 1, key, token, LEASE_MS)) === 1) return;
      lost.abort(new ShowtellError('RUN_LOCKED', `The lock of the run ${run} was lost while its jobs were being added`));
    } catch (error) {
      lost.abort(error);
    }
  };
  const renewal = setInterval(() => void renew(), RENEW_MS);
  try {
    return await work(signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal]));
  } finally {
    clearInterval(renewal);
    await redis.eval(UNLOCK, 1, key, token);
  }
}
