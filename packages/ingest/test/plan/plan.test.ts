import type { PlanRow } from '@showtell/shared/schema/plan';
import * as fc from 'fast-check';
import { planShards } from '../../src/plan/plan';

const row = (imageId: string): PlanRow => ({ imageId, fileName: '', sourceKey: imageId, etag: '', bytes: 1, licence: '', url: '' });

test('every sample is in exactly one shard, in order; shards hold one split and are full but for each last one', () => {
  const splits = fc.uniqueArray(fc.record({ split: fc.string({ minLength: 1 }), count: fc.nat(40) }), { selector: ({ split }) => split });
  fc.assert(
    fc.property(splits, fc.integer({ min: 1, max: 12 }), (named, shardRows) => {
      const dataset = {
        splits: named.map(({ split, count }) => ({
          split,
          samples: Array.from({ length: count }, (_, i) => row(`${split}.${i}`)),
          captions: [],
        })),
      };
      const shards = planShards(dataset, shardRows);
      expect(shards.map(({ shard }) => shard)).toEqual(shards.map((_, index) => index));
      for (const { split, samples } of dataset.splits) {
        const own = shards.filter((shard) => shard.split === split);
        expect(own.flatMap(({ rows }) => rows)).toEqual(samples);
        expect(own.slice(0, -1).every(({ rows }) => rows.length === shardRows)).toBe(true);
        expect(own.every(({ rows }) => rows.length > 0 && rows.length <= shardRows)).toBe(true);
      }
      // The order in which a source names its splits does not matter.
      expect(planShards({ splits: [...dataset.splits].reverse() }, shardRows)).toEqual(shards);
    }),
  );
});

test('shards are numbered through the splits in order of their names', () => {
  const samples = ['1', '2', '3'].map(row);
  const shards = planShards({ splits: ['val', 'test', 'train'].map((split) => ({ split, samples, captions: [] })) }, 2);
  expect(shards.map(({ shard, split, rows }) => [shard, split, rows.length])).toEqual([
    [0, 'test', 2],
    [1, 'test', 1],
    [2, 'train', 2],
    [3, 'train', 1],
    [4, 'val', 2],
    [5, 'val', 1],
  ]);
});
