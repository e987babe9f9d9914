import { FeatureSums } from '../../src/model/feature-statistics';
import { Random } from '../../src/model/random';

const DIMENSION = 3;
const random = new Random(5);
const rows = Array.from({ length: 500 }, () => [random.normal() * 2 + 1000, 0.1, random.normal() * 1e-3]);

function statisticsOf(pieces: readonly (readonly number[][])[]) {
  const sums = new FeatureSums(DIMENSION);
  for (const piece of pieces) sums.add(Float32Array.from(piece.flat()));
  return sums.statistics();
}

test('mean and deviation of each number, also far from zero', () => {
  const { mean, deviation } = statisticsOf([rows]);
  for (const column of [0, 2]) {
    const values = rows.map((row) => Math.fround(row[column]!));
    const expected = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - expected) ** 2, 0) / values.length;
    expect(mean[column]! / expected).toBeCloseTo(1, 6);
    expect(deviation[column]! / Math.sqrt(variance)).toBeCloseTo(1, 6);
  }
});

test('a number that never varies is centred exactly, and divided by one', () => {
  const { mean, deviation } = statisticsOf([rows]);
  expect(mean[1]).toBe(Math.fround(0.1));
  expect(deviation[1]).toBe(1);
});

test('pieces in order give the same bits as all at once', () => {
  expect(statisticsOf([rows.slice(0, 7), rows.slice(7, 8), rows.slice(8)])).toEqual(statisticsOf([rows]));
});
