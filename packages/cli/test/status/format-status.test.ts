import { stripVTControlCharacters } from 'node:util';
import type { RunStatus } from '@showtell/ingest/admin/status';
import { ShowtellError } from '@showtell/shared/errors';
import { stuck } from '../../src/status/follow-run';
import { noEncoder, formatRun as run, formatRuns as runs } from '../../src/status/format-status';

// There are colours where the variable CI is set.
const formatRun = (...args: Parameters<typeof run>) => stripVTControlCharacters(run(...args));
const formatRuns = (...args: Parameters<typeof runs>) => stripVTControlCharacters(runs(...args));

const status = (more: Partial<RunStatus>): RunStatus => ({
  run: 'drawn',
  state: 'running',
  priority: 10,
  source: 'synthetic:20',
  request: {
    formatVersion: 1,
    run: 'drawn',
    source: { kind: 'synthetic', url: 'synthetic:20' },
    splits: [],
    encoder: 'inception-v3',
    weights: 'bundled',
    weightsSha256: 'a'.repeat(64),
    dimension: 2_048,
    preprocessing: 'centre-square-299-linear-v1',
    precision: 'float32',
    shardRows: 512,
    microBatch: 32,
    strict: false,
  },
  encoder: undefined,
  shards: { planned: 5, committed: 2, failed: 0 },
  samples: { planned: 20, committed: 8, rejected: 0, takenOver: 0 },
  rejected: {},
  splits: [],
  manifest: undefined,
  report: undefined,
  rate: undefined,
  etaSeconds: undefined,
  lastCommit: '2026-01-02T03:04:05.678Z',
  failures: [],
  waiting: [],
  queues: undefined,
  workers: undefined,
  ...more,
});
const queues = {
  ingest: { waiting: 3, active: 0, delayed: 0, failed: 0 },
  encode: { waiting: 0, active: 0, delayed: 0, failed: 0 },
  finalize: { waiting: 0, active: 0, delayed: 1, failed: 0 },
};

test('without Redis it is said what is not known, and there is no rate', () => {
  const incomplete = status({ state: 'incomplete' });
  expect(formatRuns([incomplete])).toMatch(/^drawn +incomplete +10 +– +20 +40 % +0 +– +– /m);
  expect(formatRuns([incomplete])).toMatch(/\nRedis was not asked \(no address is set\)/);
  expect(formatRun(incomplete)).toMatch(/State +incomplete\n[^]*Last +shard committed 2026-01-02[^]*\nRedis was not asked/);
  expect(formatRun(incomplete)).not.toMatch(/Rate|queue/i);
});

test('of complete runs everything is known without Redis', () => {
  const complete = status({ state: 'complete', rate: 25 });
  expect(formatRuns([complete])).toMatch(/complete .* 25\.0\/s/);
  expect(formatRuns([complete]) + formatRun(complete)).not.toContain('not asked');
});

test('a run that no worker is at says so, also in the list', () => {
  const idle = status({ queues, workers: [] });
  expect(formatRuns([idle])).toMatch(/\nNo worker is running: showtell up/);
  expect(formatRun(idle)).toMatch(/Rate +–, done in –\n[^]*^encode-float32 +0 [^]*\nNo worker is running/m);
});

test('jobs that wait say for what', () => {
  const waits = status({ queues, workers: [{ name: 'w' }], waiting: [{ shard: 3, reason: 'STORE_UNREACHABLE: no answer' }] });
  expect(formatRun(waits)).toContain('\nwaits shard 3: STORE_UNREACHABLE: no answer\n');
});

test('a run that cannot go on names the command to type', () => {
  expect(stuck(status({ state: 'lost' }))).toMatchObject({
    code: 'RUN_STUCK',
    hint: 'Enqueue it again, which adds only what is missing: showtell enqueue synthetic:20 --run drawn',
  });
  const failed = status({ state: 'failed', shards: { planned: 5, committed: 4, failed: 1 }, failures: [{ shard: 1, reason: 'BUG: no' }] });
  expect(stuck(failed)).toMatchObject({
    message: expect.stringContaining('1 of 5 shards have failed: BUG: no') as string,
    hint: expect.stringMatching(/^Mend the cause, then .*: showtell enqueue synthetic:20 --run drawn$/) as string,
  });
  expect(stuck(status({ state: 'cancelled' }))).toMatchObject({
    message: 'The run drawn cannot go on: it is cancelled',
    hint: 'showtell resume drawn goes on with it',
  });
});

test('what keeps the finalizer from ending a run is told as its own, not as that of a shard', () => {
  const failed = status({
    state: 'failed',
    shards: { planned: 5, committed: 5, failed: 0 },
    failures: [{ reason: 'CORRUPT_OBJECT: commits/00001.json' }],
  });
  expect(formatRun(failed)).toContain('\nfailed finalizing: CORRUPT_OBJECT: commits/00001.json\n');
  expect(stuck(failed).message).toBe('The run drawn cannot go on: finalizing it has failed: CORRUPT_OBJECT: commits/00001.json');
});

test('a run that only workers of another precision could encode names the one to start', () => {
  const ingest = { name: 'a', stage: 'ingest' as const };
  expect(noEncoder(status({ workers: [ingest] }))).toMatch(/^No worker encodes in float32: .*--precision float32$/);
  expect(formatRun(status({ workers: [ingest] }))).toContain('No worker encodes in float32');
  expect(noEncoder(status({ workers: [ingest, { name: 'b', stage: 'encoder' }] }))).toBeUndefined();
  expect(noEncoder(status({ state: 'complete', workers: [ingest] }))).toBeUndefined();
});

test('a run that somebody stopped says how it goes on', () => {
  expect(formatRun(status({ state: 'paused', priority: 40 }))).toMatch(
    /State +paused \(showtell resume drawn goes on with it\)\n +Priority +40\n/,
  );
});

test('runs have their priorities, and those that run their share of what was encoded lately', () => {
  const list = formatRuns([{ ...status({ priority: 20 }), share: 0.6666 }, { ...status({ run: 'other', state: 'paused' }) }]);
  expect(list).toMatch(/^drawn +running +20 +67 % /m);
  expect(list).toMatch(/^other +paused +10 +– /m);
});

test('workers tell what they are at; one whose machine is gone is marked', () => {
  const encoder = { name: 'a', stage: 'encoder' as const, device: 'cuda', rate: 12.34, images: 1_234, silentSeconds: 1.2 };
  const jobs = [
    { run: 'drawn', shard: 3 },
    { run: 'drawn', shard: 4 },
  ];
  const text = formatRun(status({ queues, workers: [{ ...encoder, jobs }, { ...encoder, name: 'b', jobs: [] }, { name: 'c' }] }));
  expect(text).toMatch(/^a +encoder +cuda +12\.3 +1,234 +drawn 3 and 4 +1 s ago$/m);
  expect(text).toMatch(/^b +encoder .* – +1 s ago$/m);
  expect(text).toMatch(/^c .* silent: its machine may be gone$/m);
});

describe('a complete run', () => {
  const report: RunStatus['report'] = {
    formatVersion: 1,
    run: 'drawn',
    manifest: 1,
    encoder: { encoder: 'inception-v3', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32', dimension: 2_048 },
    images: 200,
    takenOver: 12,
    rejected: {},
    from: '2026-01-02T03:00:00.000Z',
    to: '2026-01-02T03:02:05.000Z',
    wallSeconds: 125,
    workerSeconds: 240,
    encodeSeconds: 200,
    sourceBytes: 31_400_000,
    shardBytes: 1_660_000,
    devices: [
      {
        device: 'cpu',
        deviceName: 'AMD EPYC',
        engine: 'onnx',
        precision: 'float32',
        workers: 2,
        images: 200,
        seconds: 240,
        imagesPerSecond: 0.833,
      },
    ],
  };
  const complete = (more: Partial<RunStatus>) => formatRun(status({ state: 'complete', manifest: 1, ...more }));

  test('tells what it took and which devices did it', () => {
    const text = complete({ report });
    expect(text).toMatch(/Took +2 min 5 s, from 2026-01-02T03:00:00.000Z to 2026-01-02T03:02:05.000Z\n/);
    expect(text).toMatch(/Work +4 min 0 s of all workers together, 3 min 20 s of it in the encoder\n/);
    expect(text).toMatch(/Bytes +31.4 MB of photos read, 1.7 MB of shards written\n/);
    expect(text).toMatch(/^AMD EPYC \(cpu\) +onnx +float32 +2 +200 +4 min 0 s +0\.8$/m);
  });

  test('says what it took over from its base, which may be everything', () => {
    const { request } = status({});
    const own = { request: { ...request, base: 'before' }, samples: { planned: 20, committed: 20, rejected: 0, takenOver: 20 } };
    const idle = { ...report!, images: 0, from: null, to: null, wallSeconds: 0, workerSeconds: 0, devices: [] };
    const text = complete({ ...own, report: idle });
    expect(text).toMatch(/Base +before, 20 of the samples taken over\n/);
    expect(text).toMatch(/Took +nothing: its base had everything\n/);
    expect(text).not.toMatch(/^device/im);
  });

  test('that is older than reports is shown without', () => {
    expect(complete({ report: undefined })).not.toMatch(/Took|Bytes/);
  });
});

test('runs that cannot be read stand below the others', () => {
  const damaged = { run: 'torn', error: new ShowtellError('CORRUPT_OBJECT', 'runs/torn/plan.json is not JSON') };
  expect(formatRuns([status({})], [damaged])).toMatch(/^drawn +running [^]*\nunreadable torn: runs\/torn\/plan\.json is not JSON\n$/m);
  expect(formatRuns([], [damaged])).toBe('unreadable torn: runs/torn/plan.json is not JSON\n');
});
