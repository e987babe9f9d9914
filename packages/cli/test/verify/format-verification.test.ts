import type { RepairReport } from '@showtell/ingest/admin/repair';
import type { VerifyReport } from '@showtell/ingest/admin/verify';
import type { VoidRecord } from '@showtell/shared/schema/void';
import { formatRepair, formatVerification } from '../../src/verify/format-verification';

const whole: VerifyReport = {
  run: 'mine',
  quick: false,
  shards: { planned: 3, intact: 3, damaged: 0, waiting: 0 },
  samples: { encoded: 1_022, rejected: 2 },
  bases: [],
  manifest: 1,
  manifestDue: false,
  bodiesWithoutRecord: { count: 0, bytes: 0 },
  findings: [],
};
const damaged: VerifyReport = {
  ...whole,
  shards: { planned: 3, intact: 1, damaged: 1, waiting: 1 },
  bases: [{ run: 'first', shards: 4, damaged: 1 }],
  bodiesWithoutRecord: { count: 1, bytes: 66_500 },
  findings: [
    { what: 'missing', run: 'mine', shard: 1, where: 'runs/mine/commits/00001.json', message: 'the commit record is gone', mend: 'encode' },
    {
      what: 'corrupt',
      run: 'first',
      shard: 0,
      where: 'runs/first/shards/0',
      message: 'expected more',
      mend: 'base',
      hint: 'Repair first.',
    },
  ],
};
const repair = (more: Partial<RepairReport> = {}): RepairReport => ({
  voided: [],
  left: [],
  unmended: [],
  jobs: { state: 'running', planned: 3, committed: 3, waiting: 0, failed: 0, added: 0 },
  ...more,
});
const taken = (shard: number, reason: VoidRecord['reason']) => ({ shard, reason }) as VoidRecord;

test('a run in order', () => {
  expect(formatVerification(whole)).toBe('mine: 3 shards, 3 intact\nSamples: 1,022 encoded, 2 rejected\nManifest: 1\nNo damage\n');
  expect(formatRepair(whole, repair())).toBe('\nNothing is left to do.\n');
});

test('damage is listed with whose it is and what to do', () => {
  expect(formatVerification(damaged)).toBe(
    [
      'mine: 3 shards, 1 intact, 1 damaged, 1 not encoded yet',
      'Samples: 1,022 encoded, 2 rejected',
      'Of first: 4 shards, 1 damaged',
      'Manifest: 1',
      "Beside them 1 body without a commit record, 66.5 kB: no damage, and gc's where nothing else names them",
      '',
      'missing    shard 1  runs/mine/commits/00001.json',
      '  the commit record is gone',
      'corrupt    shard 0 of first  runs/first/shards/0',
      '  expected more',
      '  Repair first.',
      '',
    ].join('\n'),
  );
});

test('of many findings the first fifty are listed', () => {
  const many = { ...damaged, findings: Array.from({ length: 70 }, () => damaged.findings[0]!) };
  expect(formatVerification(many)).toMatch(/gone\n… and 20 findings more \(--json lists all\)\n$/);
});

test('a repair says what was taken away, and what comes next', () => {
  const jobs = { state: 'running' as const, planned: 3, committed: 1, waiting: 1, failed: 0, added: 1 };
  expect(formatRepair(damaged, repair({ voided: [taken(1, 'missing'), taken(9, 'unplanned')], left: [2], jobs }))).toBe(
    [
      '',
      'Repair: 1 shard taken back; the records are kept in runs/mine/void/',
      'Repair: 1 record of unplanned shards taken away; kept in runs/mine/void/',
      'Left alone: 1 shard that somebody else was mending meanwhile',
      'Jobs: 1 added, 1 were there',
      'Next: workers encode 2 shards, then manifest 2 is written and tells of it. showtell status mine --watch',
      '',
    ].join('\n'),
  );
  expect(formatRepair(damaged, repair({ jobs: { ...jobs, state: 'paused', added: 0 } }))).toMatch(/paused.*showtell resume mine/);
  expect(formatRepair(damaged, undefined)).toMatch(/Nothing was changed/);
});
