import { type RetryReport, rejectionCodes, retryRun } from '@showtell/ingest/admin/retry';
import { findPlannedRun } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import pc from 'picocolors';
import type { RetryFlags } from '../commands/retry';
import type { CommandContext } from '../context';
import { formatReasons } from '../enqueue/print-report';
import { formatCount, plural } from '../output/format';
import { asJson, print } from '../output/print';
import { progressOfSteps } from '../output/steps-progress';
import { formatTable } from '../output/table';

/** Shards that a dry run prints; `--json` has all. */
const LISTED = 50;

/** Adds failed jobs again, and has shards with rejected photos encoded again. Errors as of `findPlannedRun` and `retryRun`. */
export async function retry(context: CommandContext, name: string, flags: RetryFlags): Promise<void> {
  const { dryRun = false, wait = false, json = false } = flags;
  const rejected = flags.rejected === undefined ? undefined : rejectionCodes(flags.rejected === true ? [] : flags.rejected);
  const { store, settings, logger, shutdown, signal } = context;
  const run = await findPlannedRun(store, name, { signal });
  const { queues } = await openQueues(settings, logger, shutdown, dryRun);
  if (!dryRun) await store.probe({ signal });
  const bars = progressOfSteps({ retry: 'Taking records away' });
  const onProgress = (done: number, total: number) => bars.update({ step: 'retry', done, total });
  const report = await retryRun({ store, queues, run, logger, rejected, dryRun, onProgress, signal }).finally(bars.end);
  print(json ? asJson(report) : formatRetry(report, rejected));
  if (!wait || dryRun) return;
  const { waitForRun } = await import('../status/wait-for-run.js');
  await waitForRun(context, name);
}

/** @param rejected the reasons that were asked for; empty for any. */
export function formatRetry({ run, dryRun, shards, jobs }: RetryReport, rejected: readonly string[] | undefined): string {
  const images = shards.reduce((sum, shard) => sum + shard.images, 0);
  const reasons = countReasons(shards);
  const wanted = Object.values(reasons).reduce((sum, count) => sum + count, 0);
  const others = jobs.added - jobs.failed - (dryRun ? 0 : shards.length);
  const lines = [
    jobs.failed > 0
      ? `${dryRun ? 'Would add' : 'Added'} ${plural(jobs.failed, 'job')} again that had failed for good\n`
      : `No job of ${pc.bold(run)} has failed for good\n`,
    others > 0 ? `${dryRun ? 'Would add' : 'Added'} ${plural(others, 'job')} that ${others === 1 ? 'was' : 'were'} missing\n` : '',
  ];
  if (rejected !== undefined && shards.length === 0)
    lines.push(`No photo was rejected${rejected.length > 0 ? ` for ${rejected.join(' or ')}` : ''}: nothing to encode again\n`);
  if (shards.length > 0)
    lines.push(
      `${dryRun ? 'Would encode' : 'Encoding'} ${plural(shards.length, 'shard')} again for ${plural(wanted, 'rejected photo')} (${formatReasons(reasons)})\n`,
      `Cost: shards are encoded as a whole, so ${plural(images, 'photo is', 'photos are')} read and encoded\n`,
    );
  if (dryRun && shards.length > 0)
    lines.push(
      '\n',
      formatTable(
        ['shard', 'split', 'photos', 'rejected'],
        shards.slice(0, LISTED).map((shard) => [shard.shard, shard.split, shard.images, formatReasons(shard.rejected)]),
      ),
      shards.length > LISTED ? `… and ${formatCount(shards.length - LISTED)} more (--json lists all)\n` : '',
    );
  if (!dryRun && jobs.added > 0) lines.push(`Next: showtell status ${run} --watch\n`);
  if (jobs.state !== 'running') lines.push(`${pc.yellow('Note:')} the run is ${jobs.state}: showtell resume ${run} comes first\n`);
  return lines.join('');
}

function countReasons(shards: RetryReport['shards']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rejected } of shards) for (const [code, count] of Object.entries(rejected)) counts[code] = (counts[code] ?? 0) + count;
  return counts;
}
