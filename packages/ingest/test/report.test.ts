import type { PlannedRun } from '@showtell/shared/planned-run';
import { encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import { REPORT_FORMAT, ReportRecord } from '@showtell/shared/schema/report';
import type { CommitRecord, Execution } from '@showtell/shared/schema/shard';
import { buildReport } from '../src/report';

const encoder = { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'int8' as const, dimension: 4 };
const run = (shards: number, taken = 0): PlannedRun =>
  ({
    name: 'run',
    plan: {
      encoder,
      shards: Array.from({ length: shards }, (_, shard) => ({ shard })),
      ...(taken > 0 && { base: { shards: [{ rows: taken }] } }),
    },
  }) as unknown as PlannedRun;
/** Committed so many seconds after noon. */
const commit = (shard: number, end: number, took: number, more: Partial<Execution> = {}, rejected: CommitRecord['rejected'] = []) =>
  ({
    shard,
    rows: 10 - rejected.length,
    rejected,
    bytes: 100,
    execution: {
      worker: 'one',
      engine: 'onnx',
      device: 'cpu',
      deviceName: 'EPYC',
      seconds: took,
      encodeSeconds: took / 2,
      sourceBytes: 1_000,
      at: new Date(Date.UTC(2026, 0, 1, 12) + end * 1_000).toISOString(),
      ...more,
    },
  }) as unknown as CommitRecord;
const report = (planned: PlannedRun, commits: CommitRecord[]) =>
  buildReport(planned, new Map(commits.map((record) => [record.shard, record])), 3);

test('counts shards that a worker has in hand at once only once, and workers beside each other each', () => {
  const commits = [
    commit(0, 10, 10),
    commit(1, 15, 10, {}, [{ imageId: '7', code: 'TRUNCATED', reason: 'x' }]),
    commit(2, 30, 5),
    commit(3, 12, 10, { worker: 'two' }),
    commit(4, 9, 3, { worker: 'two', device: 'cuda', deviceName: 'H100' }),
  ];
  const found = report(run(5), commits);
  expect(found).toEqual({
    formatVersion: REPORT_FORMAT,
    run: 'run',
    manifest: 3,
    encoder,
    images: 49,
    takenOver: 0,
    rejected: { TRUNCATED: 1 },
    from: '2026-01-01T12:00:00.000Z',
    to: '2026-01-01T12:00:30.000Z',
    wallSeconds: 30,
    workerSeconds: 33,
    encodeSeconds: 19,
    sourceBytes: 5_000,
    shardBytes: 500,
    devices: [
      { device: 'cpu', deviceName: 'EPYC', precision: 'int8', engine: 'onnx', workers: 2, images: 39, seconds: 30, imagesPerSecond: 1.3 },
      { device: 'cuda', deviceName: 'H100', precision: 'int8', engine: 'onnx', workers: 1, images: 10, seconds: 3, imagesPerSecond: 3.333 },
    ],
  });
  // Same commits, same bytes, in whichever order they were read.
  expect(encodeRecord(report(run(5), commits.toReversed()))).toEqual(encodeRecord(found));
  expect(parseRecord(ReportRecord, REPORT_FORMAT, encodeRecord(found), 'report')).toEqual(found);
});

test('a run that took everything over took no time', () => {
  const found = report(run(0, 12), []);
  expect(found).toMatchObject({ images: 0, takenOver: 12, from: null, to: null, wallSeconds: 0, workerSeconds: 0, devices: [] });
  expect(parseRecord(ReportRecord, REPORT_FORMAT, encodeRecord(found), 'report')).toEqual(found);
});

test('records that do not tell bytes, and shards that took no time, spoil nothing', () => {
  const { sourceBytes: _, ...execution } = commit(0, 1, 0).execution;
  expect(report(run(1), [{ ...commit(0, 1, 0), execution }])).toMatchObject({
    sourceBytes: 0,
    devices: [{ images: 10, seconds: 0, imagesPerSecond: null }],
  });
});
