import type { FolderHoldings } from '@showtell/shared/remove-folder';
import pc from 'picocolors';
import { formatBytes, plural } from '../output/format';
import { formatTable } from '../output/table';

const LABELS: Partial<Record<FolderHoldings['kinds'][number]['kind'], string>> = {
  run: 'request',
  planPart: 'parts of the plan',
  shard: 'shards',
  commit: 'commit records',
  void: 'records of repairs',
  manifest: 'manifests',
  report: 'reports',
  control: 'control record',
  training: 'settings',
  checkpoint: 'checkpoints',
  checkpointPart: 'files of checkpoints',
  done: 'record of its end',
  alias: 'aliases',
};

/** What a run or training holds, for people. */
export function formatHoldings(
  name: string,
  { kinds, count, bytes, aliases = [] }: FolderHoldings & { readonly aliases?: readonly string[] },
): string {
  return [
    `${pc.bold(name)} holds ${plural(count, 'object')}, ${formatBytes(bytes)}\n\n`,
    formatTable(
      ['objects', 'count', 'bytes'],
      kinds.map(({ kind, count: own, bytes: size }) => [LABELS[kind] ?? kind, own, formatBytes(size)]),
    ),
    '\n',
    aliases.length === 0 ? '' : `Captioners are made of it by the names ${aliases.map((alias) => `${name}@${alias}`).join(', ')}\n`,
  ].join('');
}
