import { cut, sample, shortestFirst } from '../src/train-batches';

const order = Array.from({ length: 1_003 }, (_, place) => (place * 389) % 1_003);
const tokens = order.map((caption) => 3 + ((caption * 7) % 23));

test('whole batches in the order given, the rest left out', () => {
  expect(cut([5, 3, 1, 4, 2], 2)).toEqual([
    [5, 3],
    [1, 4],
  ]);
});

test('buckets have every caption once, and each batch captions about as long as each other', () => {
  const sorted = shortestFirst(order, tokens, 8);
  expect(sorted.toSorted((a, b) => a - b)).toEqual(order.toSorted((a, b) => a - b));
  const spread = (batches: readonly (readonly number[])[]) =>
    batches.reduce((sum, batch) => {
      const lengths = batch.map((caption) => tokens[caption]!);
      return sum + Math.max(...lengths) - Math.min(...lengths);
    }, 0) / batches.length;
  expect(spread(cut(sorted, 8))).toBeLessThan(3);
  expect(spread(cut(order, 8))).toBeGreaterThan(10);
  // Windows of some batches: the order is not one from the shortest to the longest.
  expect(tokens[sorted[0]!]).toBeLessThan(6);
  expect(tokens[sorted[160]!]).toBeLessThan(6);
});

test('a sample has the lengths of the whole in their proportions, in the order of the whole', () => {
  const batches = cut(shortestFirst(order, tokens, 8), 8);
  const chosen = sample(batches, tokens, 5);
  expect(chosen).toHaveLength(25);
  expect(chosen.map((batch) => batches.indexOf(batch as number[]))).toEqual(
    chosen.map((batch) => batches.indexOf(batch as number[])).toSorted((a, b) => a - b),
  );
  const mean = (of: readonly (readonly number[])[]) => of.flat().reduce((sum, caption) => sum + tokens[caption]!, 0) / of.flat().length;
  expect(Math.abs(mean(chosen) / mean(batches) - 1)).toBeLessThan(0.03);
  expect(sample(batches, tokens, 1)).toEqual(batches);
});
