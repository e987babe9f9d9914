import { hostname } from 'node:os';
import { checkUnused, lookAtRun, removeRun } from '@showtell/ingest/admin/remove-run';
import { ShowtellError } from '@showtell/shared/errors';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import type { FolderHoldings } from '@showtell/shared/remove-folder';
import { checkTrainingUnused, lookAtTraining, removeTraining } from '@showtell/trainer/remove-training';
import type { RmFlags } from '../commands/rm';
import type { CommandContext } from '../context';
import { formatBytes, plural } from '../output/format';
import { asJson, print, tell } from '../output/print';
import { progressOfSteps } from '../output/steps-progress';
import { askName } from './ask-name';
import { formatHoldings } from './format-holdings';

const LABELS = { jobs: 'Waiting for workers to let go', delete: 'Deleting' } as const;

/** What can be removed: how it is looked at, and how it goes. */
interface Removal {
  readonly what: 'run' | 'training';
  readonly holdings: FolderHoldings & { readonly aliases?: readonly string[] };
  /** Throws `IN_USE`. */
  readonly check: () => void;
  readonly remove: (
    redis: RedisServices | undefined,
    onProgress: (progress: { readonly step: keyof typeof LABELS; readonly done: number; readonly total: number }) => void,
  ) => Promise<{ readonly count: number; readonly bytes: number; readonly jobs?: number }>;
}

/** Shows what a run or training holds, asks, and removes it. Errors as of `removeRun`, `removeTraining`; `USAGE` where nobody can say yes. */
export async function removeByWord(context: CommandContext, name: string, flags: RmFlags): Promise<void> {
  const { settings, logger, shutdown, signal } = context;
  const { yes = false, dryRun = false, withoutRedis = false, json = false, training = false } = flags;
  const { what, holdings, check, remove } = training ? await trainingRemoval(context, name) : await runRemoval(context, name);
  if (!dryRun && settings.redis === undefined && !withoutRedis)
    throw new ShowtellError('CONFIG_INVALID', `Expected the address of Redis, where there may be jobs of ${name}, but none is set`, {
      hint: 'Set REDIS_URL or --redis, or start showtell up. Where no worker is running and that server is gone for good, say --without-redis.',
    });
  if (dryRun && json) print(asJson({ ...holdings, dryRun }));
  else (json ? tell : print)(formatHoldings(name, holdings));
  check();
  if (dryRun) {
    if (!json) print('Nothing was removed: --dry-run\n');
    return;
  }
  if (!yes) await askName(what, name, signal);
  const redis = withoutRedis ? undefined : await openQueues(settings, logger, shutdown);
  const bars = progressOfSteps(LABELS);
  const removed = await remove(redis, bars.update).finally(bars.end);
  const { count, bytes, jobs = 0 } = removed;
  print(
    json
      ? asJson({ ...removed, dryRun })
      : `Removed ${name}: ${plural(count, 'object')}, ${formatBytes(bytes)}${jobs === 0 ? '' : `, and ${plural(jobs, 'job')}`}\n`,
  );
}

async function runRemoval({ store, logger, signal }: CommandContext, run: string): Promise<Removal> {
  const holdings = await lookAtRun({ store, run, signal });
  return {
    what: 'run',
    holdings,
    check: () => checkUnused(holdings),
    remove: (redis, onProgress) => removeRun({ store, run, redis, logger, signal, onProgress }),
  };
}

async function trainingRemoval({ store, settings, signal }: CommandContext, training: string): Promise<Removal> {
  const holdings = await lookAtTraining({ store, training, signal });
  return {
    what: 'training',
    holdings,
    check: () => checkTrainingUnused(holdings),
    remove: (redis, onProgress) =>
      removeTraining({
        store,
        training,
        queues: redis?.queues,
        holder: `rm.${hostname()}.${process.pid}`,
        // As of the trainer worker: so long its lease may stand still before it counts as gone.
        leaseSeconds: settings.lockSeconds / 2,
        onWait: (holder) => tell(`  ${holder} did not end it: waiting ${settings.lockSeconds / 2} s to see whether it still works\n`),
        signal,
        onProgress,
      }),
  };
}
