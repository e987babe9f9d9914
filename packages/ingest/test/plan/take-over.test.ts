import type { ManifestShard } from '@showtell/shared/schema/manifest';
import type { PlanRow } from '@showtell/shared/schema/plan';
import * as fc from 'fast-check';
import { TakeOver } from '../../src/plan/take-over';

const row = (imageId: string, more: Partial<PlanRow> = {}): PlanRow => ({
  imageId,
  fileName: `${imageId}.jpg`,
  sourceKey: `train/${imageId}.jpg`,
  etag: `"${imageId}"`,
  bytes: 7,
  licence: '',
  url: '',
  ...more,
});
const shard = (number: number, rows: number, more: Partial<ManifestShard> = {}): ManifestShard => ({
  shard: number,
  split: 'train',
  rows,
  rejected: 0,
  key: `shards/${number}`,
  bytes: 1,
  sha256: 'a'.repeat(64),
  ...more,
});
const train = (rows: readonly PlanRow[]) => [{ split: 'train', samples: rows }];
const zip = { entry: 'a.jpg', method: 0, crc32: 5, compressedBytes: 7, offset: 100 };

test.each<[string, Partial<PlanRow>, Partial<PlanRow>, boolean]>([
  ['the same', {}, {}, true],
  ['another licence and address', {}, { licence: '4', url: 'http://example.org' }, true],
  ['another place of the same bytes', {}, { sourceKey: 'photos/1.jpg' }, true],
  ['another etag', {}, { etag: '"2"' }, false],
  ['another size', {}, { bytes: 8 }, false],
  ['another file name', {}, { fileName: 'one.jpg' }, false],
  ['another drawing', { etag: '', sourceKey: 'a' }, { etag: '', sourceKey: 'b' }, false],
  ['the same drawing', { etag: '', sourceKey: 'a' }, { etag: '', sourceKey: 'a' }, true],
  ['the same entry of a zip that has others beside it now', { zip }, { zip: { ...zip, offset: 900 }, etag: '"archive 2"' }, true],
  ['the same entry, compressed otherwise', { zip }, { zip: { ...zip, method: 8, compressedBytes: 6 } }, true],
  ['another entry', { zip }, { zip: { ...zip, crc32: 6 } }, false],
  ['a file that was an entry', { zip }, {}, false],
])('%s is taken over or not', (_what, then, now, taken) => {
  const found = new TakeOver(train([row('1', now), row('2')]));
  found.add('first', shard(0, 2), [row('1', then), row('2')]);
  const { shards, left } = found.result();
  expect(shards).toEqual([{ ...shard(0, taken ? 2 : 1), run: 'first', ...(!taken && { dropped: ['1'] }) }]);
  expect(left.get('train')).toEqual(taken ? [] : [row('1', now)]);
});

test('a shard of which nothing is left is not listed, nor one of a split that is gone', () => {
  const found = new TakeOver(train([row('1')]));
  found.add('first', shard(0, 2), [row('2'), row('3')]);
  found.add('first', shard(1, 1, { split: 'val' }), [row('1')]);
  expect(found.result()).toEqual({ shards: [], left: new Map([['train', [row('1')]]]) });
});

test('what a base had dropped stays dropped, its own runs and keys stay, and its rejections are planned again', () => {
  const found = new TakeOver(train(['1', '2', '3', '4'].map((id) => row(id))));
  found.add(
    'second',
    shard(3, 3, { run: 'first', dropped: ['1'], rejected: 1 }),
    ['1', '2', '3', '5'].map((id) => row(id)),
  );
  const { shards, left } = found.result();
  expect(shards).toEqual([shard(3, 2, { run: 'first', dropped: ['1', '5'] })]);
  expect(left.get('train')!.map(({ imageId }) => imageId)).toEqual(['1', '4']);
});

test('every sample is either in one shard or left, whatever the shards hold', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String));
  fc.assert(
    fc.property(ids, fc.array(ids, { maxLength: 4 }), (now, bodies) => {
      const found = new TakeOver(train(now.map((id) => row(id))));
      for (const [number, body] of bodies.entries())
        found.add(
          'first',
          shard(number, body.length),
          body.map((id) => row(id)),
        );
      const { shards, left } = found.result();
      const taken = shards.flatMap(({ shard: number, dropped = [] }) => bodies[number]!.filter((id) => !dropped.includes(id)));
      expect([...taken, ...left.get('train')!.map(({ imageId }) => imageId)].sort()).toEqual([...now].sort());
      for (const { shard: number, rows, dropped = [] } of shards) expect(rows + dropped.length).toBe(bodies[number]!.length);
    }),
  );
});
