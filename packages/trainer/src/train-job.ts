import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRun } from '@showtell/shared/planned-run';
import type { JobContext } from '@showtell/shared/queue/processor';
import { defaultTrainingName, type TrainJob } from '@showtell/shared/queue/queues';
import { DelayedError } from 'bullmq';
import type { Logger } from 'pino';
import type { CreateTrainingEngine } from './engine/engine';
import { logEvents, type OnTrainEvent } from './train/events';
import { freezeTraining } from './train/freeze';
import { train } from './train/train';

export interface TrainServices {
  readonly store: ObjectStore;
  readonly logger: Logger;
  readonly threads: number;
  readonly createEngine: CreateTrainingEngine;
  readonly checkpointSeconds: number;
  readonly featureMemory: number | undefined;
  readonly holder: string;
  readonly leaseSeconds: number;
  /** Aborts when this process shall stop. */
  readonly stop: AbortSignal;
}

const PROGRESS_MS = 1_000;

/**
 * Trains what the job names, from wherever it stands; what is done is found done. Told to stop, it saves and gives the job back;
 * while another process holds the training's lease, it looks again later.
 */
export async function runTrainJob(data: TrainJob, { job, token, signal }: JobContext<TrainJob>, services: TrainServices): Promise<void> {
  const { store, logger, threads, createEngine, checkpointSeconds, featureMemory, holder, leaseSeconds, stop } = services;
  const { training, run } = data;
  if (run !== undefined && !(await store.head(keys.trainingJson(training), { signal }))) await freezeAskedFor(store, training, run, signal);
  const log = logEvents(logger.child({ training }));
  const report = reportProgress(job, logger);
  try {
    const end = await train(store, training, {
      holder,
      leaseSeconds,
      threads,
      createEngine,
      featureMemory,
      checkpointSeconds,
      // A lost job lock stops it in the same way: what the training's objects are guarded by is its lease, and that is still ours.
      signal: AbortSignal.any([signal, stop]),
      onEvent: (event) => {
        log(event);
        report(event);
      },
    });
    signal.throwIfAborted();
    if (end.outcome === 'completed') return;
  } catch (error) {
    if (!isShowtellError(error, 'LEASE_HELD')) throw error;
    logger.info({ training, reason: error.message }, 'looking again later');
  }
  await job.moveToDelayed(Date.now() + (stop.aborted ? 0 : leaseSeconds * 1_000), token);
  throw new DelayedError();
}

/** Who can write to Redis can name any run and training here, and gets none but what that run was enqueued with. */
async function freezeAskedFor(store: ObjectStore, training: string, run: string, signal: AbortSignal): Promise<void> {
  const preset = (await readRun(store, run, { signal }))?.train;
  if (preset === undefined || defaultTrainingName(run, preset) !== training)
    throw new ShowtellError('NOT_FOUND', `The run ${run} was not enqueued to end in a training ${training}`, {
      hint: `To train it: showtell train ${run} --name ${training}`,
    });
  await freezeTraining(store, { runs: [run], preset, training });
}

/** Events as the job's progress, which whoever waits for the job can follow: of steps one a second, of the rest all. */
function reportProgress(job: JobContext<TrainJob>['job'], logger: Logger): OnTrainEvent {
  let last = Number.NEGATIVE_INFINITY;
  return (event) => {
    if (event.event === 'trouble' || (event.event === 'step' && performance.now() - last < PROGRESS_MS)) return;
    last = performance.now();
    // Only shown, never relied on.
    job.updateProgress(event).catch((err: unknown) => logger.debug({ err }, 'could not report progress'));
  };
}
