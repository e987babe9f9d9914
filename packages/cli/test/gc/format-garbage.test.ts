import type { GarbageReport } from '@showtell/ingest/admin/collect-garbage';
import { formatAge, formatGarbage } from '../../src/gc/format-garbage';

const DAY = 86_400;
const now = new Date('2026-01-10T00:00:00Z');
const before = (seconds: number) => new Date(now.valueOf() - seconds * 1_000);
const NOTHING: GarbageReport = {
  store: 's3://results/showtell/',
  now,
  olderThanSeconds: DAY,
  objects: { count: 1_234, bytes: 5.6e9 },
  garbage: [],
  young: { count: 0, bytes: 0 },
  withheld: { count: 0, bytes: 0 },
  unreadable: [],
  unknown: { count: 0, bytes: 0, examples: [] },
  unplanned: [],
  headless: [],
  deleted: undefined,
};

test.each([
  [59, '0 min'],
  [3_600, '1 h'],
  [DAY, '24 h'],
  [1.9 * DAY, '45 h'],
  [2 * DAY, '2 d'],
])('%d seconds', (seconds, text) => expect(formatAge(seconds)).toBe(text));

test('a store without garbage', () => {
  expect(formatGarbage(NOTHING)).toBe(
    's3://results/showtell/: 1,234 objects, 5.6 GB\nSomething refers to everything that is older than 24 h.\n',
  );
});

test('says what there is of each kind, what it leaves alone, and what to do', () => {
  const shards = [1, 2, 3, 4].map((n) => ({ key: `shard ${n}`, kind: 'shard' as const, bytes: 1_000, lastModified: before(n * DAY) }));
  const text = formatGarbage({
    ...NOTHING,
    garbage: [...shards, { key: 'temporary', kind: 'leftover', bytes: 5, lastModified: before(DAY) }],
    young: { count: 2, bytes: 10 },
    withheld: { count: 1, bytes: 7 },
    unreadable: [{ key: 'runs/a/plan.json', reason: 'runs/a/plan.json is not JSON', withheld: ['runs/'] }],
    unknown: { count: 1, bytes: 1, examples: ['notes.txt'] },
    unplanned: ['b'],
    headless: ['runs/c/', 'trainings/d/'],
  });
  expect(text).toMatch(/^temporary files and unfinished uploads +1 +5 bytes +24 h$/m);
  expect(text).toMatch(/^shards that no commit record or manifest names +4 +4\.0 kB +4 d$/m);
  expect(text).toContain('  shard 3\n');
  expect(text).not.toContain('shard 4\n');
  expect(text).toContain('Left alone: 2 objects (10 bytes) younger than 24 h');
  expect(text).toContain('Unknown, never deleted: 1 object (1 byte), such as notes.txt\n');
  expect(text).toContain('Run b has no plan: enqueue it again, or remove it: showtell rm b\n');
  expect(text).toContain('runs/c/ is what is left of something that was removed: showtell rm c\n');
  expect(text).toContain('trainings/d/ is what is left of something that was removed: showtell rm --training d\n');
  expect(text).toContain('Unreadable: runs/a/plan.json is not JSON\n');
  expect(text).toContain('Withheld: 1 object (7 bytes)');
  expect(text).toContain('Nothing was deleted. To delete it: showtell gc --delete\n');
  for (const [olderThanSeconds, command] of [
    [7 * 86_400, 'showtell gc --older-than 7d --delete'],
    [3_600, 'showtell gc --older-than 1h --force --delete'],
    [5_400, 'showtell gc --older-than 90m --force --delete'],
  ] as const)
    expect(formatGarbage({ ...NOTHING, garbage: shards, olderThanSeconds })).toContain(`To delete it: ${command}\n`);
  expect(formatGarbage({ ...NOTHING, garbage: shards, deleted: { count: 4, bytes: 4_000, missed: [] } })).toMatch(
    /Deleted 4 objects, 4\.0 kB\n$/,
  );
});
