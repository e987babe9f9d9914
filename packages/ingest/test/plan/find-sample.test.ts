import { encodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { sha256 } from '@showtell/shared/hash';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { findByFileName, findById, type SearchedShard } from '../../src/plan/find-sample';
import { planShards } from '../../src/plan/plan';
import { sortByImageId } from '../../src/source/image-ids';

const rowOf = (imageId: string, fileName = `${imageId}.jpg`): PlanRow => ({
  imageId,
  fileName,
  sourceKey: `photos/${fileName}`,
  etag: 'e',
  bytes: 1,
  licence: '',
  url: '',
});

/** Parts of a plan in memory, and how many of them were read. */
function planOf(splits: Readonly<Record<string, readonly PlanRow[]>>, shardRows: number) {
  const bodies = new Map<string, Buffer>();
  const reads: string[] = [];
  const samples = Object.entries(splits).map(([split, rows]) => ({ split, samples: sortByImageId([...rows]), captions: [] }));
  const shards = planShards({ splits: samples }, shardRows).map(({ shard, split, rows }): SearchedShard => {
    const body = encodePlanRows(rows);
    bodies.set(String(shard), body);
    return { shard, split, rows: rows.length, key: String(shard), bytes: body.length, sha256: sha256(body) };
  });
  const get = (key: string) => {
    reads.push(key);
    return Promise.resolve({ body: bodies.get(key)!, etag: '' });
  };
  return { store: { get } as unknown as ObjectStore, shards, reads };
}
const numbered = (count: number, from = 0) => Array.from({ length: count }, (_, index) => rowOf(String(from + 7 * index)));

describe('by image id', () => {
  const { store, shards, reads } = planOf({ train: numbered(1_000), val: numbered(100, 100_000) }, 2);

  test.each([
    ['0', 0],
    ['7', 0],
    ['14', 1],
    ['6993', 499],
    ['100000', 500],
    ['100693', 549],
  ])('%s', async (imageId, shard) => {
    reads.length = 0;
    expect(await findById(store, shards, imageId)).toMatchObject({ shard: { shard }, row: { imageId } });
    // About log2 of 500 and of 50 shards, in both orders that they may have; no part is read twice.
    expect(reads.length).toBeLessThanOrEqual(2 * (9 + 6));
    expect(new Set(reads).size).toBe(reads.length);
  });

  test.each(['1', '-7', '100001', '999999999999999999999', 'a dog', '', '007'])('%j is not there', async (imageId) => {
    expect(await findById(store, shards, imageId)).toBeUndefined();
  });

  test.each([
    ['of text', ['a', 'b', 'ä', 'ﬁ', '𝒳', 'Z', '']],
    // In code-point order, since one is no integer: 10 comes before 9, and no part need hold the one that says so.
    ['of numbers among text', ['1', '10', '100', '11', '2', '9', '99', 'x', '-3', '007']],
    ['of integers of any length and sign', ['-20', '-3', '0', '9', '10', '123456789012345678901234567890']],
  ])('every id %s is found', async (_what, ids) => {
    for (const shardRows of [1, 2, 3, 20]) {
      const plan = planOf({ train: ids.filter((id) => id !== '').map((id) => rowOf(id)) }, shardRows);
      for (const id of ids.filter((one) => one !== '')) expect((await findById(plan.store, plan.shards, id))?.row.imageId).toBe(id);
      expect(await findById(plan.store, plan.shards, '5')).toBeUndefined();
    }
  });

  test('an image that does not belong to the run is not found', async () => {
    const plan = planOf({ train: numbered(10) }, 4);
    const dropping = plan.shards.map((shard) => ({ ...shard, dropped: ['14'] }));
    expect(await findById(plan.store, dropping, '14')).toBeUndefined();
    expect(await findById(plan.store, dropping, '21')).toBeDefined();
    expect(await findByFileName(plan.store, dropping, '14.jpg', { onPart: () => {} })).toEqual([]);
  });
});

test('by file name: every image that has it, and how far the search is', async () => {
  const { store, shards, reads } = planOf({ train: [...numbered(9), rowOf('5', '0.jpg')], val: [rowOf('1000', '0.jpg')] }, 4);
  let parts = 0;
  const found = await findByFileName(store, shards, '0.jpg', { onPart: () => parts++ });
  expect(found.map(({ shard, row }) => `${shard.split} ${row.imageId}`).toSorted()).toEqual(['train 0', 'train 5', 'val 1000']);
  expect(parts).toBe(shards.length);
  expect(reads).toHaveLength(shards.length);
});
