import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { defaultTrainingName, type TrainJob } from '@showtell/shared/queue/queues';
import type { RunRecord } from '@showtell/shared/schema/run';

/** The `train` job that a run ends in, when its request asks for one. The trainer freezes the training itself. */
export function trainingRequest({ run, train }: RunRecord): TrainJob | undefined {
  return train === undefined ? undefined : { training: defaultTrainingName(run, train), run };
}

/** True when the run asks for no training, or its training has ended. */
export async function isTrainingDone(store: ObjectStore, run: RunRecord, options: { readonly signal?: AbortSignal }): Promise<boolean> {
  const request = trainingRequest(run);
  return request === undefined || (await store.head(keys.done(request.training), options)) !== undefined;
}
