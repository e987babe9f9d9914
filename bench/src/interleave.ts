import { setTimeout as sleep } from 'node:timers/promises';
import { median } from './medians';

export interface Turn {
  /** One measurement, in images/s. */
  measure(): Promise<number>;
}

export interface InterleaveOptions {
  readonly rounds: number;
  /** Between two measurements: threads of who was there before go on spinning for a while. */
  readonly pauseMs: number;
  /** 0 ≤ x < 1 */
  readonly random?: () => number;
}

/**
 * Measures everyone once a round, in another order each round, so that a machine which grows warm or is shared for a while is no
 * contestant's fault alone.
 * @returns medians, in the order of `turns`.
 */
export async function interleave(turns: readonly Turn[], { rounds, pauseMs, random = Math.random }: InterleaveOptions): Promise<number[]> {
  const rates = turns.map((): number[] => []);
  for (let round = 0; round < rounds; round++)
    for (const index of shuffled(turns.length, random)) {
      await sleep(pauseMs);
      rates[index]!.push(await turns[index]!.measure());
    }
  return rates.map(median);
}

/** The numbers below `length` in random order (Fisher and Yates). */
export function shuffled(length: number, random: () => number): number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let left = length - 1; left > 0; left--) {
    const other = Math.floor(random() * (left + 1));
    [order[left], order[other]] = [order[other]!, order[left]!];
  }
  return order;
}
