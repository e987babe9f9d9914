import { keys } from '@showtell/shared/keys';
import type { PlannedRun } from '@showtell/shared/planned-run';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { encodedByCommits, encodedByManifest } from '../../src/admin/encoded';
import { buildManifest } from '../../src/manifest';
import { buildReport } from '../../src/report';

const encoder = { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32' as const, dimension: 4 };
const SHA = 'c'.repeat(64);
const SPLITS = ['train', 'train', 'val'];
/** Of three shards, one after the other; as many samples again are taken over from another run. */
const run = {
  name: 'run',
  planSha256: 'b'.repeat(64),
  plan: {
    encoder,
    shards: SPLITS.map((split, shard) => ({ shard, split, rows: 10 })),
    splits: [],
    captions: [],
    base: { run: 'before', shards: [{ shard: 0, split: 'train', run: 'before', rows: 30, rejected: 4 }] },
  },
} as unknown as PlannedRun;
const commits = SPLITS.map(
  (split, shard) =>
    ({
      shard,
      split,
      rows: 10 - shard,
      rejected: Array.from({ length: shard }, (_, index) => ({ imageId: `${shard}${index}`, code: 'TRUNCATED', reason: 'x' })),
      key: keys.shard('run', shard, SHA),
      sha256: SHA,
      bytes: 1,
      encoder,
      planSha256: run.planSha256,
      execution: { worker: 'one', seconds: 5, encodeSeconds: 4, at: new Date(Date.UTC(2026, 0, 1) + (shard + 1) * 5_000).toISOString() },
    }) as unknown as CommitRecord,
);
const byShard = new Map(commits.map((commit) => [commit.shard, commit]));

test('manifest and report of a complete run say what its commit records say, without what is taken over', () => {
  const { shards, ...counts } = encodedByManifest(run, buildManifest(run, byShard, 2).manifest, buildReport(run, byShard, 2));
  const said = encodedByCommits(commits);
  expect(counts).toEqual({ rejected: said.rejected, rate: said.rate, lastCommit: said.lastCommit });
  expect(counts).toEqual({ rejected: { TRUNCATED: 3 }, rate: 2, lastCommit: '2026-01-01T00:00:15.000Z' });
  expect(shards).toMatchObject(said.shards);
  expect(shards).toHaveLength(3);
});

test('nothing is said of a run of which nothing is encoded', () => {
  expect(encodedByCommits([])).toEqual({ shards: [], rejected: {}, rate: undefined, lastCommit: undefined });
});
