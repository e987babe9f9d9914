import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { readDone } from './done';
import { freezeTraining, type TrainingRequest } from './freeze';
import { type TrainEnd, type TrainOptions, train } from './train';

export interface TrainHereOptions extends TrainOptions {
  /** Goes on with a training of that name and these settings; without it, one that is there and not done is refused. */
  readonly resume: boolean;
}

/**
 * Freezes a training and trains it in this process. Errors as of `freezeTraining` and `train`;
 * `TRAINING_EXISTS` also when it has begun already and `resume` was not asked for.
 */
export async function trainHere(
  store: ObjectStore,
  request: TrainingRequest,
  { resume, ...options }: TrainHereOptions,
): Promise<TrainEnd & { readonly record: TrainingRecord }> {
  // Before its first record, as `enqueueTraining` does.
  await store.probe();
  const { record, created } = await freezeTraining(store, request);
  if (!created && !resume && !(await readDone(store, record.training)))
    throw new ShowtellError('TRAINING_EXISTS', `Training ${record.training} exists already, with the same settings, and is not done`, {
      hint: 'Go on with it: --resume. Or give the new one another name: --name NAME.',
    });
  return { ...(await train(store, record.training, options)), record };
}
