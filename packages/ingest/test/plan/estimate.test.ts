import type { PlanRecord, PlanRow } from '@showtell/shared/schema/plan';
import { NO_FINDINGS } from '../../../shared/test/no-findings';
import { estimate, type MeasuredRate, workOf } from '../../src/plan/estimate';

const part = (rows: number, shard: number) => ({ shard, split: 'train', rows, key: 'p', bytes: 100, sha256: 'a'.repeat(64) });
const plan = (shards: readonly number[]): PlanRecord => ({
  formatVersion: 1,
  run: 'run',
  encoder: { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32', dimension: 2_048 },
  microBatch: 32,
  splits: [],
  shards: shards.map(part),
  captions: [{ key: 'c', bytes: 500, sha256: 'b'.repeat(64), split: 'train', rows: 9 }],
  findings: NO_FINDINGS,
  runSha256: 'c'.repeat(64),
});
const rate: MeasuredRate = { device: 'cpu', deviceName: 'EPYC', engine: 'onnx', imagesPerSecond: 10, images: 100, runs: 1 };
const work = (shards: number, photos: number) => ({ shards, photos, sourceBytes: 7, nameBytes: 20 * photos });
const of = (shards: number[], left: ReturnType<typeof work>, more = {}) =>
  estimate(plan(shards), left, { source: { kind: 'coco' }, isPlanned: false, rates: [rate], ...more });

test('the work is what is read: of entries of zips their compressed bytes, names as they are written', () => {
  const row: PlanRow = { imageId: 'é', fileName: 'a.jpg', sourceKey: 'x', etag: '', bytes: 100, licence: '', url: '' };
  const zip = { entry: 'a', method: 8, crc32: 1, compressedBytes: 60, offset: 0 };
  expect(workOf([row, { ...row, zip }], 2)).toEqual({ shards: 2, photos: 2, sourceBytes: 160, nameBytes: 14 });
});

test('whole shards are shared out: workers that are more than shards do nothing', () => {
  const seconds = (shards: number) =>
    of(Array<number>(shards).fill(100), work(shards, shards * 100)).times[0]!.seconds.map((at) => at.seconds);
  expect(seconds(32)).toEqual([320, 80, 20]);
  expect(seconds(5)).toEqual([50, 20, 10]);
  expect(seconds(0)).toEqual([0, 0, 0]);
});

test('storage is that of the whole run, time and requests those of what is left', () => {
  const whole = of([100, 100, 50], work(3, 250));
  const half = of([100, 100, 50], work(1, 50), { isPlanned: true });
  expect(half.storage).toEqual(whole.storage);
  // 250 features of 8 kB, with their names; a file has some 700 bytes of its own.
  expect(whole.storage.shards).toBeGreaterThan(250 * (8_192 + 28));
  expect(whole.storage.shards).toBeLessThan(250 * (8_192 + 28) + 3 * 1_500);
  expect(whole.storage.total).toBe(whole.storage.plan + whole.storage.captions + whole.storage.shards + whole.storage.records);
  expect([whole.requests.source.gets, half.requests.source.gets]).toEqual([250, 50]);
  // Two shards and the plan with its captions and the name: 2 × 2 + 3 + 1 + 2.
  expect(whole.requests.store.puts - half.requests.store.puts).toBe(10);
});

test('drawn pictures are read from nowhere, and without rates there are no times', () => {
  const { requests, times } = of([10], work(1, 10), { source: { kind: 'synthetic' }, rates: [] });
  expect(requests.source.gets).toBe(0);
  expect(times).toEqual([]);
});
