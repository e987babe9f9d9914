import { duration } from '../src/duration';

test.each([
  ['90m', 5_400],
  ['24h', 86_400],
  ['1.5 d', 129_600],
  ['2w', 1_209_600],
  ['0s', 0],
])('%s', (text, seconds) => expect(duration(text)).toBe(seconds));

test.each(['', '3', 'd', '3 days', '-1d', '1e3s'])('%j is refused', (text) =>
  expect(() => duration(text)).toThrow('Expected a number with a unit'),
);
