import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the condition holds; fails after `seconds`. */
export async function until(condition: () => boolean | Promise<boolean>, seconds = 15): Promise<void> {
  const deadline = performance.now() + seconds * 1_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Expected within ${seconds} s: ${condition.toString()}`);
    await sleep(25);
  }
}
