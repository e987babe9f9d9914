import { steadyRate } from '../src/steady-rate';

/** `workers` that begin one after another and take `seconds` for each of `rounds` shards. */
const worked = (workers: number, seconds: number, rounds: number) =>
  Array.from({ length: workers * rounds }, (_, index) => {
    const from = (index % workers) * 0.1 + Math.floor(index / workers) * seconds;
    return { from, to: from + seconds };
  });

describe('the rate while everybody is at work', () => {
  test('is that of all workers together, whatever they begin with and however they end', () => {
    expect(steadyRate(worked(1, 2, 5), 1).rate).toBeCloseTo(0.5, 10);
    expect(steadyRate(worked(8, 2, 5), 8).rate).toBeCloseTo(4, 10);
    // One that is idle at the end does not count against the others.
    expect(steadyRate(worked(8, 2, 5).slice(0, -4), 8).rate).toBeCloseTo(4, 10);
  });

  test('counts a worker that waits between its shards as slower', () => {
    const resting = worked(4, 2, 5).map(({ from, to }) => ({ from: from * 2, to: to + from }));
    const { rate, inHand } = steadyRate(resting, 4);
    expect(rate).toBeCloseTo(1, 1);
    expect(inHand).toBeLessThan(4);
  });

  test('needs shards that follow others', () => {
    expect(() => steadyRate(worked(4, 2, 1), 4)).toThrow(RangeError);
    expect(() => steadyRate([], 1)).toThrow(RangeError);
  });
});
