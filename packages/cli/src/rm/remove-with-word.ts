import { checkUnused, lookAtRun, removeRun } from '@showtell/ingest/admin/remove-run';
import { ShowtellError } from '@showtell/shared/errors';
import { openQueues } from '@showtell/shared/queue/open-queues';
import type { RmFlags } from '../commands/rm';
import type { CommandContext } from '../context';
import { formatBytes, plural } from '../output/format';
import { progressOfSteps } from '../output/steps-progress';
import { askName } from './ask-name';
import { formatHoldings } from './format-holdings';

const LABELS = { jobs: 'Waiting for workers to let go', delete: 'Deleting' } as const;

/** Shows what a run holds, asks, and removes it. Errors as of `removeRun`; `USAGE` where nobody may say yes. */
export async function removeWithWord(context: CommandContext, run: string, flags: RmFlags): Promise<void> {
  const { store, settings, logger, shutdown, signal } = context;
  const { yes = false, dryRun = false, withoutRedis = false, json = false } = flags;
  if (!dryRun && settings.redis === undefined && !withoutRedis)
    throw new ShowtellError('CONFIG_INVALID', 'Expected the address of Redis, where the run may have jobs, but none is set', {
      hint: 'Set REDIS_URL or --redis. Where that server is gone for good and no worker is running, say --without-redis.',
    });
  const holdings = await lookAtRun({ store, run, signal });
  const say = (text: string) => (json ? process.stderr : process.stdout).write(text);
  if (dryRun && json) process.stdout.write(`${JSON.stringify({ ...holdings, dryRun }, null, 2)}\n`);
  else say(formatHoldings(holdings));
  checkUnused(holdings);
  if (dryRun) {
    if (!json) say('Nothing was removed: --dry-run\n');
    return;
  }
  if (!yes) await askName('run', run, signal);
  const redis = withoutRedis ? undefined : await openQueues(settings, logger, shutdown);
  const bars = progressOfSteps(LABELS);
  const removed = await removeRun({ store, run, redis, logger, signal, onProgress: bars.update }).finally(bars.end);
  if (json) process.stdout.write(`${JSON.stringify({ ...removed, dryRun }, null, 2)}\n`);
  else
    say(
      `Removed ${run}: ${plural(removed.count, 'object')}, ${formatBytes(removed.bytes)}${removed.jobs === 0 ? '' : `, and ${plural(removed.jobs, 'job')}`}\n`,
    );
}
