import type { RetryReport } from '@showtell/ingest/admin/retry';
import { formatRetry } from '../../src/retry/retry-run';

const report: RetryReport = {
  run: 'mine',
  dryRun: false,
  shards: [],
  jobs: { state: 'running', planned: 9, committed: 9, waiting: 0, failed: 0, added: 0 },
};
const shards: RetryReport['shards'] = [
  { shard: 0, split: 'train', images: 512, rejected: { TRUNCATED: 2 } },
  { shard: 7, split: 'val', images: 100, rejected: { TRUNCATED: 1, MISSING_IMAGE: 4 } },
];

test('nothing to do is said', () => {
  expect(formatRetry(report, undefined)).toBe('No job of mine has failed for good\n');
  expect(formatRetry(report, [])).toContain('No photo was rejected: nothing to encode again\n');
  expect(formatRetry(report, ['TRUNCATED', 'TOO_LARGE'])).toContain('No photo was rejected for TRUNCATED or TOO_LARGE');
});

test('failed jobs and others that were missing are counted each for themselves', () => {
  const text = formatRetry({ ...report, jobs: { ...report.jobs, committed: 4, failed: 3, added: 5 } }, undefined);
  expect(text).toBe('Added 3 jobs again that had failed for good\nAdded 2 jobs that were missing\nNext: showtell status mine --watch\n');
});

test('what encoding whole shards again costs is said', () => {
  const text = formatRetry({ ...report, shards, jobs: { ...report.jobs, committed: 7, added: 2 } }, []);
  expect(text).toContain('Encoding 2 shards again for 7 rejected photos (4 MISSING_IMAGE, 3 TRUNCATED)\n');
  expect(text).toContain('so 612 photos are read and encoded\n');
  expect(text).not.toContain('missing');
});

test('a dry run lists the shards', () => {
  const text = formatRetry({ ...report, dryRun: true, shards, jobs: { ...report.jobs, committed: 8, failed: 1, added: 1 } }, []);
  expect(text).toMatch(/^Would add 1 job again that had failed for good\nWould encode 2 shards again/);
  expect(text).toMatch(/ 7 +val +100 +4 MISSING_IMAGE, 1 TRUNCATED\n/);
});
