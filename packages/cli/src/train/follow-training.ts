import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '@showtell/shared/config';
import { ERROR_CODES, type ErrorCode, ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { connectRedis, redisPrefix } from '@showtell/shared/queue/connection';
import { isLive, jobIds, type Queues, queueNames } from '@showtell/shared/queue/queues';
import { unlessAborted } from '@showtell/shared/queue/until';
import type { DoneRecord } from '@showtell/shared/schema/checkpoint';
import { hasDiverged, readDone } from '@showtell/trainer/train/done';
import type { OnTrainEvent, TrainEvent } from '@showtell/trainer/train/events';
import { QueueEvents } from 'bullmq';

const EVERY_MILLISECONDS = 500;
/** Looks without a live job before it is believed to be gone: the job's end and the record of it are seen at different moments… */
const GONE_LOOKS = 3;
/** …and a finalizer adds the job a moment after it has completed the run. */
const ABSENT_LOOKS = 20;

export interface FollowTrainingOptions {
  readonly store: ObjectStore;
  readonly settings: Settings;
  readonly queues: Queues;
  readonly training: string;
  readonly signal: AbortSignal;
  readonly onEvent: OnTrainEvent;
}

/**
 * Follows a training's job to its end, which is told by the store; Redis only tells what happens meanwhile.
 * @throws ShowtellError with the code that the job failed with (`DIVERGED` among them); `RUN_STUCK` when the job is gone.
 */
export async function followTraining({ store, settings, queues, training, signal, onEvent }: FollowTrainingOptions): Promise<DoneRecord> {
  const jobId = jobIds.train(training);
  const connection = connectRedis(settings);
  connection.on('error', () => {});
  const events = new QueueEvents(queueNames.train, { connection, prefix: redisPrefix(settings) });
  events.on('error', () => {});
  events.on('progress', ({ jobId: id, data }) => {
    if (id === jobId) onEvent(data as TrainEvent);
  });
  try {
    for (let gone = 0, seen = false; ; await sleep(EVERY_MILLISECONDS, undefined, { signal }).catch(() => signal.throwIfAborted())) {
      const job = await unlessAborted(queues.train.getJob(jobId), signal);
      const state = job === undefined ? 'unknown' : await unlessAborted(job.getState(), signal);
      const done = await readDone(store, training);
      if (done?.outcome === 'completed') return done;
      if (done !== undefined) throw hasDiverged(training, done.reason);
      if (state === 'failed') throw jobFailure(training, job?.failedReason ?? '');
      seen ||= isLive(state);
      gone = isLive(state) ? 0 : gone + 1;
      if (gone >= (seen ? GONE_LOOKS : ABSENT_LOOKS))
        throw new ShowtellError('RUN_STUCK', `The training ${training} has no job in Redis and is not done`, {
          hint: 'Add its job again: showtell train RUN --resume.',
        });
    }
  } finally {
    // While Redis is away it does not close.
    await unlessAborted(events.close(), signal).catch(() => {});
    connection.disconnect();
  }
}

/** The queue keeps an error as `CODE: message`. */
function jobFailure(training: string, reason: string): ShowtellError {
  const [, code, message = reason] = /^([A-Z_]+): (.*)$/s.exec(reason) ?? [];
  const known = code !== undefined && Object.hasOwn(ERROR_CODES, code) ? (code as ErrorCode) : 'RUN_STUCK';
  return new ShowtellError(known, `The training ${training} failed: ${message}`);
}
