import type { Garbage, GarbageReport } from '@showtell/ingest/admin/collect-garbage';
import pc from 'picocolors';
import { formatBytes, plural } from '../output/format';
import { formatTable } from '../output/table';

/** What people call the kinds of objects that may be garbage. */
const LABELS: Partial<Record<Garbage['kind'], string>> = {
  shard: 'shards that no commit record or manifest names',
  report: 'reports of manifests that another finalizer wrote first',
  planPart: 'parts of plans that were never committed',
  captions: 'captions of plans that were never committed',
  checkpointPart: 'files of checkpoints that were never committed',
  weights: 'encoder weights that no run or training names',
  leftover: 'temporary files and unfinished uploads',
};
const EXAMPLES = 3;
const DAY = 86_400;

/** `5 h`, `3 d`: whole hours up to two days, then whole days. */
export function formatAge(seconds: number): string {
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** What was said of the age, or else deleting would be of other objects than were listed. */
function ageFlags(seconds: number): string {
  if (seconds === DAY) return '';
  const time = seconds % DAY === 0 ? `${seconds / DAY}d` : seconds % 3_600 === 0 ? `${seconds / 3_600}h` : `${Math.ceil(seconds / 60)}m`;
  return ` --older-than ${time}${seconds < DAY ? ' --force' : ''}`;
}

/** A report for people: one line a kind, the oldest first within it. */
export function formatGarbage(report: GarbageReport): string {
  const { store, now, olderThanSeconds, objects, garbage, young, withheld, unreadable, unknown, unplanned, headless, deleted } = report;
  const age = formatAge(olderThanSeconds);
  const kinds = [...new Set(garbage.map(({ kind }) => kind))].sort();
  const rows = kinds.map((kind) => {
    const own = garbage.filter((object) => object.kind === kind);
    const oldest = own.reduce((least, { lastModified }) => Math.min(least, lastModified.valueOf()), Number.POSITIVE_INFINITY);
    return [
      LABELS[kind] ?? kind,
      own.length,
      formatBytes(own.reduce((sum, { bytes }) => sum + bytes, 0)),
      formatAge((now.valueOf() - oldest) / 1_000),
    ];
  });
  const examples = kinds.flatMap((kind) =>
    garbage
      .filter((object) => object.kind === kind)
      .slice(0, EXAMPLES)
      .map(({ key }) => `  ${pc.dim(key)}\n`),
  );
  return [
    `${store}: ${plural(objects.count, 'object')}, ${formatBytes(objects.bytes)}\n`,
    rows.length === 0
      ? `Something refers to everything that is older than ${age}.\n`
      : `\n${formatTable(['nothing refers to', 'count', 'bytes', 'oldest'], rows)}\nSuch as\n${examples.join('')}\n`,
    young.count === 0
      ? ''
      : `Left alone: ${plural(young.count, 'object')} (${formatBytes(young.bytes)}) younger than ${age}, whose record may be on its way\n`,
    unknown.count === 0
      ? ''
      : `Unknown, never deleted: ${plural(unknown.count, 'object')} (${formatBytes(unknown.bytes)}), such as ${unknown.examples.slice(0, EXAMPLES).join(', ')}\n`,
    ...unplanned.map((run) => `Run ${run} has no plan: enqueue it again, or remove it: showtell rm ${run}\n`),
    ...headless.map((folder) => `${folder} is what is left of something that was removed: ${remedy(folder)}\n`),
    ...unreadable.map(({ reason }) => `${pc.red('Unreadable:')} ${reason}\n`),
    withheld.count === 0
      ? ''
      : `Withheld: ${plural(withheld.count, 'object')} (${formatBytes(withheld.bytes)}) that an unreadable record may name\n`,
    deleted === undefined
      ? garbage.length === 0
        ? ''
        : `Nothing was deleted. To delete it: showtell gc${ageFlags(olderThanSeconds)} --delete\n`
      : `Deleted ${plural(deleted.count, 'object')}, ${formatBytes(deleted.bytes)}\n`,
  ].join('');
}

const remedy = (folder: string) => {
  const [kind, name] = folder.split('/');
  return `showtell rm ${kind === 'runs' ? '' : '--training '}${name}`;
};
