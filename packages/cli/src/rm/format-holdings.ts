import type { RunHoldings } from '@showtell/ingest/admin/remove-run';
import pc from 'picocolors';
import { formatBytes, plural } from '../output/format';
import { formatTable } from '../output/table';

const LABELS: Partial<Record<RunHoldings['kinds'][number]['kind'], string>> = {
  run: 'request',
  plan: 'plan',
  planPart: 'parts of the plan',
  captions: 'captions',
  shard: 'shards',
  commit: 'commit records',
  void: 'records of repairs',
  manifest: 'manifests',
  report: 'reports',
  control: 'control record',
};

export function formatHoldings({ run, kinds, count, bytes }: RunHoldings): string {
  return [
    `${pc.bold(run)} holds ${plural(count, 'object')}, ${formatBytes(bytes)}\n\n`,
    formatTable(
      ['objects', 'count', 'bytes'],
      kinds.map(({ kind, count: own, bytes: size }) => [LABELS[kind] ?? kind, own, formatBytes(size)]),
    ),
    '\n',
  ].join('');
}
