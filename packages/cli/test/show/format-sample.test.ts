import { stripVTControlCharacters } from 'node:util';
import type { SampleReport } from '@showtell/ingest/admin/show-sample';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { featureFigures } from '../../src/show/feature-figures';
import { formatSample as format } from '../../src/show/format-sample';

const formatSample = (report: SampleReport) => stripVTControlCharacters(format(report));

const planned = {
  imageId: '7',
  fileName: '7.jpg',
  sourceKey: 'val/7.jpg',
  etag: '"e7"',
  bytes: 1_234,
  licence: '4',
  url: 'http://photos/7',
};
const execution = {
  worker: 'w1',
  engine: 'onnx',
  provider: 'CPU',
  device: 'cpu',
  deviceName: 'AMD EPYC',
  threads: 2,
  versions: { onnxruntime: '1.30.0' },
};
const commit = {
  key: 'runs/coco/shards/00012-abc.arrow',
  execution: { ...execution, at: '2026-01-02T03:04:05.678Z' },
} as unknown as CommitRecord;
const committed: SampleReport = {
  run: 'coco',
  split: 'val',
  planned,
  source: { kind: 'coco', url: 's3://photos/coco' },
  captions: ['a dog', 'two dogs'],
  state: 'committed',
  rejection: undefined,
  encodedBy: 'coco',
  shard: 12,
  shardKey: commit.key,
  commit,
  row: 3,
  feature: Float32Array.of(0, 3, -4, 0.5, 0, 0, 0, 0, 0),
};

test('all that is known of a sample', () => {
  expect(formatSample(committed)).toBe(`7 of coco
  State     committed
  Split     val
  File      7.jpg
  Source    val/7.jpg in s3://photos/coco, 1,234 bytes, etag "e7"
  Licence   4
  URL       http://photos/7
  Shard     12, row 3: runs/coco/shards/00012-abc.arrow
  Worker    2026-01-02T03:04:05.678Z by w1: onnx on cpu (AMD EPYC, 2 threads, onnxruntime 1.30.0)
  Feature   9 numbers, norm 5.025, from -4 to 3, 6 zeros: 0 3 -4 0.5 0 0 0 0 …

2 captions
  a dog
  two dogs
`);
});

test('what is not known is left out', () => {
  const drawn = { ...planned, etag: '', bytes: 0, licence: '', url: '', sourceKey: 'scene' };
  const text = formatSample({
    ...committed,
    planned: drawn,
    captions: [],
    state: 'waiting',
    shardKey: undefined,
    commit: undefined,
    row: undefined,
    feature: undefined,
  });
  expect(text).toBe(`7 of coco
  State     waiting for its shard: showtell status coco
  Split     val
  File      7.jpg
  Source    scene in s3://photos/coco
  Shard     12

It has no caption.
`);
});

test('why it was rejected, which run it is from, and where in which zip it lies', () => {
  const rejection = { imageId: '7', code: 'TRUNCATED' as const, reason: 'it ends early' };
  const rejected = { ...committed, state: 'rejected' as const, rejection, row: undefined, feature: undefined };
  expect(formatSample(rejected)).toMatch(/State +rejected, TRUNCATED: it ends early\n/);
  const old = { ...committed, encodedBy: 'old' };
  expect(formatSample(old)).toMatch(/Base +taken over from run old, whose shard this is\n/);
  // That run has encoded the shard again since: who encoded this body is no longer known, and where it lies still is.
  const again = formatSample({ ...old, commit: undefined });
  expect(again).toMatch(/Shard +12, row 3: runs\/coco\/shards\/00012-abc\.arrow\n/);
  expect(again).not.toContain('Worker');
  const zip = { entry: 'val2017/7.jpg', method: 8, crc32: 1, compressedBytes: 1_200, offset: 65_536 };
  expect(formatSample({ ...committed, planned: { ...planned, zip } })).toMatch(
    /Zip entry val2017\/7\.jpg, deflated to 1,200 bytes, at 65,536\n/,
  );
  expect(formatSample({ ...committed, planned: { ...planned, zip: { ...zip, method: 0 } } })).toMatch(
    /Zip entry val2017\/7\.jpg, stored, at/,
  );
});

test('of an animated picture, how many frames there are', () => {
  const animated = [
    { imageId: '8', frames: 2 },
    { imageId: '7', frames: 12 },
  ];
  expect(formatSample({ ...committed, commit: { ...commit, animated } })).toMatch(/Frames +12, of which the first was encoded\n/);
  expect(formatSample({ ...committed, commit: { ...commit, animated: animated.slice(0, 1) } })).not.toContain('Frames');
});

test('figures of a feature', () => {
  expect(featureFigures(Float32Array.of(0, 3, -4))).toEqual({ dimension: 3, norm: 5, min: -4, max: 3, zeros: 1, first: [0, 3, -4] });
});
