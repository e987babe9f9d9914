import type { RunStatus } from '@showtell/ingest/admin/status';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { defaultTrainingName } from '@showtell/shared/queue/queues';
import type { CommandContext } from '../context';
import { formatSeconds, plural } from '../output/format';
import { tell } from '../output/print';
import { type Progress, startProgress } from '../output/progress';
import { followTraining } from '../train/follow-training';
import { showEvents } from '../train/show-events';
import { followRun } from './follow-run';
import { noEncoder } from './format-status';

/**
 * Stays until a run is complete, with a bar, and with `preset` until its training is. Errors as of `followRun` and `followTraining`.
 * Nothing of it goes to standard output, which has the report of `enqueue`.
 */
export async function waitForRun(
  { store, settings, logger, shutdown, signal }: CommandContext,
  run: string,
  preset?: string,
): Promise<void> {
  const { queues } = await openQueues(settings, logger, shutdown);
  const begun = performance.now();
  const say = (line: string) => tell(`${line}\n`);
  let bar: Progress | undefined;
  let before: RunStatus['state'] | undefined;
  const told = new Set<string>();
  const sayOnce = (what: string, more?: string) => {
    if (!told.has(what)) say(`  ${more === undefined ? what : `${what}: ${more}`}`);
    told.add(what);
  };
  const onStatus = (now: RunStatus) => {
    const { samples } = now;
    bar ??= startProgress('Encoding', samples.planned);
    bar.update(samples.committed + samples.rejected, noteOf(now));
    if (now.state === 'paused' && before !== 'paused') say(`  The run is paused: showtell resume ${run} goes on with it`);
    if (now.state === 'running' && before === 'paused') say('  The run goes on');
    before = now.state;
    if (now.state === 'running' && now.workers?.length === 0)
      sayOnce('No worker is running: start some with showtell up, or showtell worker ingest and showtell worker encoder');
    const missing = noEncoder(now);
    if (missing !== undefined) sayOnce(missing);
    if (now.waiting.length > 0) sayOnce('Something that the run needs is away; it goes on when that is back', now.waiting[0]!.reason);
  };
  try {
    const { samples } = await followRun({ store, queues, run, signal, onStatus });
    bar?.end();
    say(`Complete: ${plural(samples.committed, 'sample')} in ${formatSeconds((performance.now() - begun) / 1_000)}`);
  } finally {
    bar?.end();
    if (signal.aborted)
      say(before === 'paused' ? `  The run stays paused: showtell resume ${run}` : `  The run goes on: showtell status ${run} --watch`);
  }
  if (preset === undefined) return;
  const training = defaultTrainingName(run, preset);
  const shown = showEvents({ write: tell });
  try {
    await followTraining({ store, settings, queues, training, signal, onEvent: shown.onEvent });
  } finally {
    shown.end();
  }
  say(`Trained: ${training}`);
}

export function noteOf({ rate, etaSeconds, samples }: RunStatus): string {
  return [
    ...(rate === undefined ? [] : [`${rate.toFixed(1)} images/s`]),
    ...(etaSeconds === undefined ? [] : [`${formatSeconds(etaSeconds)} left`]),
    ...(samples.rejected > 0 ? [`${samples.rejected} rejected`] : []),
  ].join(', ');
}
