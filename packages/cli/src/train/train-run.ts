import { hostname } from 'node:os';
import { EXIT } from '@showtell/shared/errors';
import { checkName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { enqueueTraining } from '@showtell/trainer/admin/enqueue-training';
import { openTrainingEngine, type TrainingEngineRequest } from '@showtell/trainer/engine/open';
import { readDone } from '@showtell/trainer/train/done';
import type { OnTrainEvent } from '@showtell/trainer/train/events';
import { readTraining, type TrainingRequest, trainingNameOf } from '@showtell/trainer/train/freeze';
import { trainHere } from '@showtell/trainer/train/train-here';
import type { CommandContext } from '../context';
import { plural } from '../output/format';
import { formatEngine } from '../output/format-engine';
import { print, tell } from '../output/print';
import { followTraining } from './follow-training';
import { showEvents } from './show-events';

export interface TrainRunOptions extends TrainingRequest {
  /** Goes on with a training that is there; whatever is not asked for stays as it was frozen. */
  readonly resume: boolean;
  /** In this process; otherwise as a job of a trainer worker. */
  readonly here: boolean;
  readonly json: boolean;
  /** Of this process: a worker has its own. */
  readonly compute: Omit<TrainingEngineRequest, 'tensorflow'>;
}

/** Trains on complete runs to the end, printing what happens. Errors as of `trainHere`, `enqueueTraining` and `followTraining`. */
export async function trainRun(context: CommandContext, { resume, here, json, compute, ...asked }: TrainRunOptions): Promise<void> {
  for (const run of asked.runs) checkName('run', run);
  const training = checkName('training', trainingNameOf(asked));
  const request = resume ? await asFrozen(context.store, { ...asked, training }) : { ...asked, training };
  const before = await readDone(context.store, training);
  const shown = showEvents({ json });
  const say = (line: string) => {
    shown.end();
    if (!json) print(`${line}\n`);
  };
  try {
    const outcome = here
      ? await inThisProcess(context, request, resume, compute, shown.onEvent)
      : await inAWorker(context, request, shown.onEvent);
    if (before?.outcome === 'completed')
      say(
        `The training ${training} was complete already (${plural(before.epoch, 'epoch')}, ${plural(before.step, 'step')}). Its checkpoints: showtell checkpoints ${training}; to train once more, name a new training: --name NAME`,
      );
    else if (outcome === 'completed') say(`Done. Its checkpoints: showtell checkpoints ${training}`);
    else say(`Stopped and saved. To go on: showtell train ${request.runs.join(' ')} --name ${training} --resume --here`);
  } finally {
    shown.end();
  }
}

type Asked = Omit<TrainRunOptions, 'resume' | 'here' | 'json' | 'compute'> & { readonly training: string };

/** What was asked for, with the frozen training's own settings where nothing was. */
async function asFrozen(store: ObjectStore, asked: Asked): Promise<TrainingRequest & { readonly training: string }> {
  const frozen = await readTraining(store, asked.training);
  return {
    ...asked,
    preset: asked.preset ?? frozen.preset,
    hyperparameters: { ...frozen.hyperparameters, ...asked.hyperparameters },
    trainSplits: asked.trainSplits ?? frozen.trainSplits,
    validationSplits: asked.validationSplits ?? frozen.validationSplits,
    from: asked.from ?? frozen.from?.model,
    seed: asked.seed ?? frozen.seed,
  };
}

async function inThisProcess(
  { store, settings, signal }: CommandContext,
  request: TrainingRequest,
  resume: boolean,
  compute: TrainRunOptions['compute'],
  onEvent: OnTrainEvent,
) {
  let interrupted = false;
  process.once('SIGINT', () => (interrupted = true));
  const { threads } = compute;
  const { description, create } = await openTrainingEngine({ ...compute, tensorflow: settings.tensorflow });
  const { outcome } = await trainHere(store, request, {
    threads,
    createEngine: create,
    resume,
    holder: `${hostname()}.${process.pid}`,
    // As a worker has it.
    leaseSeconds: settings.lockSeconds / 2,
    featureMemory: settings.featureMemory,
    checkpointSeconds: settings.checkpointSeconds,
    signal,
    onEvent: (event) => {
      if (event.event === 'start') tell(`Training by ${formatEngine(description)}\n`);
      onEvent(event);
    },
  });
  // SIGTERM asks for an orderly end, and this is one.
  if (outcome === 'stopped' && interrupted) process.exitCode = EXIT.INTERRUPTED;
  return outcome;
}

async function inAWorker(
  { store, settings, logger, shutdown, signal }: CommandContext,
  request: TrainingRequest & { readonly training: string },
  onEvent: OnTrainEvent,
): Promise<'completed'> {
  const { queues } = await openQueues(settings, logger, shutdown);
  const { training } = request;
  const { done } = await enqueueTraining(store, queues, request);
  if (done === undefined && (await queues.train.getWorkersCount()) === 0)
    tell('  No trainer is running: start one with showtell up, showtell worker trainer, or train with --here\n');
  try {
    await followTraining({ store, settings, queues, training, signal, onEvent });
  } finally {
    if (signal.aborted) tell(`  The trainer goes on with ${training}: showtell checkpoints ${training}\n`);
  }
  return 'completed';
}
