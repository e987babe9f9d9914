import { addJobs } from '@showtell/ingest/admin/add-jobs';
import { type UnfinishedRun, unfinishedRuns } from '@showtell/ingest/admin/unfinished-runs';
import { isShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { LIVE_STATES, type Queues } from '@showtell/shared/queue/queues';
import { hideSecrets } from '@showtell/shared/secrets';
import { trainedRuns } from '@showtell/trainer/train/choose-splits';
import { readTraining } from '@showtell/trainer/train/freeze';
import pc from 'picocolors';
import type { Logger } from 'pino';
import { formatCount } from '../output/format';

export interface LocalWork {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly logger: Logger;
  readonly say: (line: string) => void;
}

/** Adds jobs for what is left of the runs in the store: a Redis that has only just been started has none. */
export async function goOnWithRuns({ store, queues, logger, say }: LocalWork, signal: AbortSignal): Promise<void> {
  const onBroken = (run: string, error: unknown) => {
    if (!isShowtellError(error)) throw error;
    say(pc.yellow(`Cannot go on with ${run}: ${hideSecrets(error.message)}`));
  };
  for (const unfinished of await unfinishedRuns(store, { signal, onBroken })) {
    const { run } = unfinished;
    try {
      await addJobs({ store, queues, run, logger, signal });
      say(`Goes on    ${run.name}: ${whatIsLeft(unfinished)}`);
    } catch (error) {
      signal.throwIfAborted();
      onBroken(run.name, error);
    }
  }
}

/** Says what is left when everything stops, and what goes on with it. */
export async function tellWhatIsLeft({ store, queues, say }: LocalWork): Promise<void> {
  const unfinished = await unfinishedRuns(store, { onBroken: () => {} });
  for (const run of unfinished) say(`Left       ${run.run.name}: ${whatIsLeft(run)}`);
  if (unfinished.length > 0) say(pc.dim('The next showtell up with this store goes on with it.'));
  const own = new Set(unfinished.map(({ run }) => run.name));
  for (const { data } of await queues.train.getJobs([...LIVE_STATES])) {
    // A training that a run ends in goes on with that run.
    if (data.run !== undefined && own.has(data.run)) continue;
    const runs = data.run !== undefined ? [data.run] : trainedRuns(await readTraining(store, data.training));
    say(`Left       training ${data.training}: showtell train ${runs.join(' ')} --name ${data.training} --resume goes on with it`);
  }
}

function whatIsLeft({ run, left }: UnfinishedRun): string {
  if (left > 0) return `${formatCount(left)} of ${formatCount(run.plan.shards.length)} shards are left`;
  return run.request.train === undefined ? 'its manifest is left' : 'its training is left';
}
