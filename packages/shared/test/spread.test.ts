import { spread } from '../src/spread';

test.each([0, 1, 2, 3, 7, 8, 100, 1_000])('every number below %d comes once', (n) => {
  expect([...spread(n)].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, index) => index));
});

test.each([
  [1_000, 16],
  [8_091, 64],
  [50, 7],
])('of %d the first %d leave no large part out', (n, first) => {
  const taken = [...spread(n)].slice(0, first).sort((a, b) => a - b);
  const gaps = [...taken, n].map((place, index) => place - (index === 0 ? 0 : taken[index - 1]!));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(Math.ceil((4 * n) / first));
});
