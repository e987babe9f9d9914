import { Random } from '../../src/source/synthetic-random';

test('the same text gives the same numbers, another text others', () => {
  const numbers = (seed: string) => {
    const random = new Random(seed);
    return Array.from({ length: 5 }, () => random.next());
  };
  expect(numbers('a')).toEqual(numbers('a'));
  expect(numbers('a')).not.toEqual(numbers('b'));
});

test('numbers fill their range evenly', () => {
  const random = new Random('range');
  const drawn = Array.from({ length: 10_000 }, () => random.next());
  expect(drawn.filter((value) => value < 0 || value >= 1)).toEqual([]);
  const tenths = Array.from({ length: 10 }, (_, tenth) => drawn.filter((value) => Math.floor(value * 10) === tenth).length);
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  const between = Array.from({ length: 1_000 }, () => random.between(-3, 5));
  expect(Math.min(...between)).toBeGreaterThanOrEqual(-3);
  expect(Math.max(...between)).toBeLessThanOrEqual(5);
});

test('shuffling keeps every item and leaves its input alone', () => {
  const items = Array.from({ length: 100 }, (_, item) => item);
  const shuffled = new Random('shuffle').shuffle(items);
  expect(shuffled).not.toEqual(items);
  expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
});

test('picking from nothing is an error', () => {
  expect(() => new Random('pick').pick([])).toThrow('Expected at least one item');
});
