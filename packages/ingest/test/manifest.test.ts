import { keys } from '@showtell/shared/keys';
import type { PlannedRun } from '@showtell/shared/planned-run';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { nextWait } from '../src/finalize';
import { buildManifest } from '../src/manifest';

const encoder = { encoder: 'inception-v3', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32' as const, dimension: 4 };
const planShard = (shard: number, split: string, rows: number) => ({
  shard,
  split,
  rows,
  key: `plan/${shard}`,
  bytes: 1,
  sha256: 'c'.repeat(64),
});
const run = {
  name: 'run',
  planSha256: 'b'.repeat(64),
  plan: {
    encoder,
    shards: [planShard(0, 'train', 3), planShard(1, 'train', 2), planShard(2, 'val', 2)],
    splits: [
      { split: 'train', samples: 5, captions: 10, shards: 2 },
      { split: 'val', samples: 2, captions: 4, shards: 1 },
    ],
    captions: [{ split: 'train', rows: 10, key: 'captions/train', bytes: 1, sha256: 'd'.repeat(64) }],
  },
} as unknown as PlannedRun;
const commit = (shard: number, rows: number, rejected: CommitRecord['rejected'] = [], more: Partial<CommitRecord> = {}) =>
  ({
    shard,
    rows,
    rejected,
    encoder,
    planSha256: run.planSha256,
    key: keys.shard('run', shard, 'e'.repeat(64)),
    bytes: 10,
    sha256: 'e'.repeat(64),
    execution: {
      worker: 'a',
      device: 'cpu',
      deviceName: 'cpu',
      engine: 'onnx',
      seconds: 1,
      encodeSeconds: 1,
      at: '2026-01-01T00:00:00.000Z',
    },
    ...more,
  }) as CommitRecord;
const reject = (imageId: string, code: 'TRUNCATED' | 'TOO_LARGE') => ({ imageId, code, reason: 'x' });
const whole = [commit(2, 1, [reject('9', 'TRUNCATED')]), commit(0, 3), commit(1, 0, [reject('4', 'TOO_LARGE'), reject('5', 'TRUNCATED')])];
const byShard = (commits: CommitRecord[]) => new Map(commits.map((record) => [record.shard, record]));

test('lists the shards in order, with totals', () => {
  expect(buildManifest(run, byShard(whole), 1).manifest).toMatchObject({
    number: 1,
    encoder,
    shards: [
      { shard: 0, split: 'train', rows: 3, rejected: 0 },
      { shard: 1, split: 'train', rows: 0, rejected: 2 },
      { shard: 2, split: 'val', rows: 1, rejected: 1 },
    ],
    splits: [
      { split: 'train', rows: 3, rejected: 2, captions: 10 },
      { split: 'val', rows: 1, rejected: 1, captions: 4 },
    ],
    rejected: { TRUNCATED: 2, TOO_LARGE: 1 },
  });
});

test('lists what is taken over first, each with its run, and counts it', () => {
  const base = [
    { shard: 7, split: 'val', run: 'before', rows: 5, rejected: 0, key: 'before/7', bytes: 9, sha256: 'f'.repeat(64), dropped: ['3'] },
  ];
  const planned = { ...run, plan: { ...run.plan, base: { run: 'before', manifest: 1, sha256: 'f'.repeat(64), shards: base } } };
  const { shards, splits, rejected } = buildManifest(planned, byShard(whole), 1).manifest;
  expect(shards).toHaveLength(4);
  expect(shards[0]).toEqual(base[0]);
  expect(splits).toMatchObject([
    { split: 'train', rows: 3, rejected: 2 },
    { split: 'val', rows: 6, rejected: 1 },
  ]);
  expect(rejected).toEqual({ TRUNCATED: 2, TOO_LARGE: 1 });
});

test('is MISSING_SHARDS with the list while a commit is missing', () => {
  expect(() => buildManifest(run, byShard(whole.slice(1)), 1)).toThrow(
    expect.objectContaining({ code: 'MISSING_SHARDS', message: expect.stringContaining('1 of the 3 shards') as string }) as Error,
  );
});

test.each([
  ['encoder', { encoder: { ...encoder, preprocessing: 'q' } }],
  ['plan', { planSha256: 'f'.repeat(64) }],
])('a commit of another %s is MIXED_ENCODER', (_what, more) => {
  const commits = byShard([...whole.slice(1), commit(2, 1, [reject('9', 'TRUNCATED')], more)]);
  expect(() => buildManifest(run, commits, 1)).toThrow(expect.objectContaining({ code: 'MIXED_ENCODER' }) as Error);
});

describe('the next look', () => {
  test('is in a second at first, and twice as late each time nothing was committed, at most a minute', () => {
    let data: { wait?: number; seen?: number } = {};
    const waits = Array.from({ length: 8 }, () => {
      const wait = nextWait(data, 0, 10);
      data = { wait, seen: 0 };
      return wait;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  test('is at half of what is left at the pace since the last, never below a second', () => {
    expect(nextWait({ wait: 10, seen: 0 }, 5, 20)).toBe(20);
    expect(nextWait({ wait: 10, seen: 5 }, 10, 1)).toBe(1);
    expect(nextWait({ wait: 10, seen: 5 }, 6, 10_000)).toBe(60);
  });
});

test('a commit record that names something else than its shard is refused', () => {
  for (const key of ['runs/other/shards/00000-eeeeeeeeeeee.arrow', keys.shard('run', 1, 'e'.repeat(64)), '../../secrets', ''])
    expect(() => buildManifest(run, byShard([...whole, commit(0, 3, [], { key })]), 1)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_OBJECT', message: expect.stringContaining('runs/run/commits/00000.json') as string }),
    );
});
