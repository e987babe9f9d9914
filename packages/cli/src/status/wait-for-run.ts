import type { RunStatus } from '@showtell/ingest/admin/status';
import { openQueues } from '@showtell/shared/queue/open-queues';
import type { CommandContext } from '../context';
import { formatSeconds, plural } from '../output/format';
import { type Progress, startProgress } from '../output/progress';
import { followRun } from './follow-run';

/** Stays until a run is complete, with a bar. Errors as of `followRun`. */
export async function waitForRun({ store, settings, logger, shutdown, signal }: CommandContext, run: string): Promise<RunStatus> {
  const { queues } = await openQueues(settings, logger, shutdown);
  const begun = performance.now();
  let bar: Progress | undefined;
  let told = false;
  try {
    const status = await followRun({
      store,
      queues,
      run,
      signal,
      onStatus: (now) => {
        const { samples } = now;
        bar ??= startProgress('Encoding', samples.planned);
        bar.update(samples.committed + samples.rejected, noteOf(now));
        if (!told && now.state === 'running' && now.workers?.length === 0) {
          told = true;
          process.stderr.write(
            '  No worker is running: start some with showtell up, or showtell worker ingest and showtell worker encoder\n',
          );
        }
      },
    });
    bar?.end();
    process.stdout.write(
      `Complete: ${plural(status.samples.committed, 'sample')} in ${formatSeconds((performance.now() - begun) / 1_000)}\n`,
    );
    return status;
  } finally {
    bar?.end();
  }
}

export function noteOf({ rate, etaSeconds, samples }: RunStatus): string {
  return [
    ...(rate === undefined ? [] : [`${rate.toFixed(1)} images/s`]),
    ...(etaSeconds === undefined ? [] : [`${formatSeconds(etaSeconds)} left`]),
    ...(samples.rejected > 0 ? [`${samples.rejected} rejected`] : []),
  ].join(', ');
}
