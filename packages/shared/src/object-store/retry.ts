import { setTimeout as sleep } from 'node:timers/promises';

export interface Limits {
  /** No attempt begins later than this after the first one. */
  readonly deadlineMs: number;
  /** How long one attempt may take until it is given up. */
  readonly attemptMs: number;
}

/** What an attempt's error means: `again` tells whether another attempt may help; `error` is thrown when there is none. */
export interface Verdict {
  readonly again: boolean;
  readonly error: unknown;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5_000;

/** An attempt took longer than it may. */
export class AttemptTimeout extends Error {
  override readonly name = 'AttemptTimeout';
}

/** One attempt: ends by itself or by `signal`. `progress` gives it its whole time anew, as when a piece of a body has come. */
export type Attempt<T> = (signal: AbortSignal, progress: () => void) => Promise<T>;

/**
 * Calls `attempt` until it succeeds, `judge` says that another try is no use, or the deadline has come.
 * Waits grow exponentially with full jitter, so that many workers do not come back at one time.
 * Rejects with the reason of `signal` as soon as that is aborted, and begins no attempt after it.
 */
export async function retry<T>(
  { deadlineMs, attemptMs }: Limits,
  signal: AbortSignal | undefined,
  attempt: Attempt<T>,
  judge: (error: unknown, attempts: number) => Verdict,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  let failure: unknown;
  for (let attempts = 1; ; attempts++) {
    signal?.throwIfAborted();
    const left = end - performance.now();
    try {
      return await within(Math.min(attemptMs, left), signal, attempt);
    } catch (error) {
      signal?.throwIfAborted();
      // When only the deadline cut the last attempt short, what failed before it says more.
      if (attempts === 1 || left >= attemptMs || !(error instanceof AttemptTimeout)) failure = error;
      const verdict = judge(failure, attempts);
      const wait = Math.random() * Math.min(FIRST_WAIT_MS * 2 ** attempts, LONGEST_WAIT_MS);
      if (!verdict.again || performance.now() + wait >= end) throw verdict.error;
      await sleep(wait, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
    }
  }
}

async function within<T>(milliseconds: number, signal: AbortSignal | undefined, attempt: Attempt<T>): Promise<T> {
  const timeout = new AbortController();
  const either = signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal;
  const timer = setTimeout(() => timeout.abort(new AttemptTimeout(`no answer within ${Math.round(milliseconds)} ms`)), milliseconds);
  let stop = () => {};
  // Not everything inside an attempt listens to its signal (the search for credentials does not).
  const stopped = new Promise<never>((_resolve, reject) => {
    stop = () => reject(either.reason as Error);
    either.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([attempt(either, () => timer.refresh()), stopped]);
  } catch (error) {
    throw either.aborted ? either.reason : error;
  } finally {
    clearTimeout(timer);
    either.removeEventListener('abort', stop);
  }
}
