import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 250;

/** Resolves once the signal has aborted. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** Asks again and again; resolves once the answer is yes or the signal has aborted. */
export async function untilTrue(ask: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await ask())) await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
}
