import type { CommitRecord } from '@showtell/shared/schema/shard';
import { recentShares } from '../../src/admin/recent-shares';

const commits = (seconds: readonly number[], rows = 8) =>
  seconds.map((second) => ({
    rows,
    rejected: [],
    execution: { at: new Date(1_000 * second).toISOString() } as CommitRecord['execution'],
  }));
const every = (step: number, from: number, count: number) => Array.from({ length: count }, (_, index) => from + step * index);

test('counts images of the latest commits of all runs', () => {
  const shares = recentShares([
    { run: 'a', commits: commits(every(1, 0, 100)) },
    { run: 'b', commits: commits(every(2, 0, 50), 16) },
  ]);
  expect(shares.get('a')).toBeCloseTo(0.5, 1);
  expect(shares.get('a')! + shares.get('b')!).toBeCloseTo(1);
});

test('what was before does not count', () => {
  const shares = recentShares([
    { run: 'a', commits: commits(every(1, 0, 100)) },
    { run: 'b', commits: commits(every(1, 1_000, 40)) },
  ]);
  expect(Object.fromEntries(shares)).toEqual({ a: 0, b: 1 });
});

test('says nothing while nothing is committed', () => {
  expect(recentShares([{ run: 'a', commits: [] }]).size).toBe(0);
});
