import { interleave, shuffled } from '../src/interleave';

/** Numbers from 0 to 1, the same in every run of the test. */
function sequence(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe('interleaving', () => {
  test('gives the median of each, in the order of the turns', async () => {
    const rates = [
      [3, 1, 2],
      [10, 30, 20],
    ];
    const turns = rates.map((values) => ({ measure: async () => values.shift()! }));
    await expect(interleave(turns, { rounds: 3, pauseMs: 0, random: sequence() })).resolves.toEqual([2, 20]);
    expect(rates).toEqual([[], []]);
  });

  test('everyone has one turn a round, and not always in the same order', async () => {
    const order: number[] = [];
    const turns = [0, 1, 2].map((index) => ({ measure: async () => order.push(index) }));
    await interleave(turns, { rounds: 20, pauseMs: 0, random: sequence() });
    const rounds = Array.from({ length: 20 }, (_, round) => order.slice(round * 3, round * 3 + 3));
    for (const round of rounds) expect(round.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    expect(new Set(rounds.map(String)).size).toBe(6);
  });

  test('an order has every place as often as any other', () => {
    const random = sequence();
    const first = [0, 0, 0];
    for (let turn = 0; turn < 3_000; turn++) first[shuffled(3, random)[0]!]!++;
    for (const count of first) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
