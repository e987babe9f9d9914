import { FeatureCache } from '../../src/dataset/feature-cache';
import { FeatureTable } from '../../src/dataset/feature-table';

/** Shards of 3, 0, 1 and 4 rows; row r is (r, −r). */
const SHARD_ROWS = [3, 0, 1, 4];
function table(limit: number): FeatureTable {
  const source = {
    bytes: SHARD_ROWS.map((rows) => 8 * rows),
    read: async (shard: number) => {
      const first = SHARD_ROWS.slice(0, shard).reduce((a, b) => a + b, 0);
      return Float32Array.from({ length: 2 * SHARD_ROWS[shard]! }, (_, index) => (first + (index >> 1)) * (index % 2 === 0 ? 1 : -1));
    },
  };
  return new FeatureTable(2, SHARD_ROWS, new FeatureCache(source, limit));
}

test('every row lies in one shard', () => {
  const of = table(100);
  expect(Array.from({ length: 8 }, (_, row) => of.shardOf(row))).toEqual([0, 0, 0, 2, 3, 3, 3, 3]);
  expect([0, 1, 2, 3].map((shard) => of.rowsOf(shard))).toEqual(SHARD_ROWS);
});

test.each([1_000, 32, 0])('rows of any shards in any order, with %s bytes of memory', async (limit) => {
  const of = table(limit);
  expect([...(await of.gather([7, 0, 3, 3, 5, 1]))]).toEqual([7, -7, 0, -0, 3, -3, 3, -3, 5, -5, 1, -1]);
  expect([...(await of.gather([]))]).toEqual([]);
});
