import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the answer is yes; fails after a deadline that no sound machine needs. */
export async function until(ask: () => boolean | Promise<boolean>, milliseconds = 12_000): Promise<void> {
  const deadline = performance.now() + milliseconds;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`Expected ${ask.toString()} to become true within ${milliseconds} ms`);
    await sleep(20);
  }
}
