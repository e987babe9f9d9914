import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPlannedRun } from '@showtell/shared/planned-run';
import { tellControlChange } from '@showtell/shared/queue/control-events';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import type { ControlRecord } from '@showtell/shared/schema/control';
import type { Logger } from 'pino';
import { changeControl } from './change-control';
import { type Dequeued, dequeue } from './dequeue';
import { isEncoded } from './is-encoded';

export interface HaltOptions extends Pick<RedisServices, 'queues' | 'pixels' | 'window'> {
  readonly store: ObjectStore;
  readonly run: string;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

export interface Halted extends Dequeued {
  readonly run: string;
  readonly state: 'paused' | 'cancelled';
  readonly before: ControlRecord['state'];
}

/**
 * Stops a run until somebody resumes it: its waiting jobs are taken out, shards that encoders are at are finished and committed.
 * Killed at any line, it can be called again. @throws ShowtellError `NOT_FOUND`, `USAGE`, `RUN_LOCKED`, `REDIS_*`.
 */
export const pauseRun = (options: HaltOptions) => halt(options, 'paused');

/** Stops a run at once: as `pauseRun`, but workers drop what they are at. What is committed stays, and it can be resumed all the same. */
export const cancelRun = (options: HaltOptions) => halt(options, 'cancelled');

async function halt({ store, queues, pixels, window, run: name, logger, signal }: HaltOptions, state: Halted['state']): Promise<Halted> {
  const options = signal && { signal };
  const run = await findPlannedRun(store, name, options);
  if (await isEncoded(store, run, options)) {
    const verb = state === 'paused' ? 'pause' : 'cancel';
    throw new ShowtellError('USAGE', `The run ${name} is complete, so there is nothing to ${verb}`);
  }
  // First the word, then the jobs: who adds some afterwards reads it, and who has some in hand does.
  const { before } = await changeControl(
    store,
    name,
    (current) => {
      if (state === 'paused' && current.state === 'cancelled')
        throw new ShowtellError('USAGE', `The run ${name} is cancelled, so there is nothing to pause`, {
          hint: `showtell resume ${name} goes on with it.`,
        });
      return { ...current, state };
    },
    options,
  );
  await tellControlChange(queues, name);
  const dequeued = await dequeue({ store, queues, pixels, window, run, logger, ...options });
  return { run: name, state, before: before.state, ...dequeued };
}
