import { QueueEvents, type QueueEventsListener, QueueEventsProducer } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Settings } from '../config';
import { isName } from '../names';
import { redisPrefix } from './connection';
import { type Queues, queueNames } from './queues';

/** An event may be lost with the Redis that carried it, so workers look by themselves as well. */
const LOOK_MS = 30_000;

/** Hints on a stream of their own, since on those of the queues every worker would be told of every job. */
interface ControlListener extends QueueEventsListener {
  changed: (event: { run: string }, id: string) => void;
  encoded: (event: { run: string }, id: string) => void;
}

/** Tells all workers that a run's control record was changed: they read it again. */
export function tellControlChange(queues: Queues, run: string): Promise<void> {
  return tell(queues, 'changed', run);
}

/** Tells the finalizers that nothing is left to encode, of which that run was a part. Encoders may not write to their queue. */
export function tellEncoded(queues: Queues, run: string): Promise<void> {
  return tell(queues, 'encoded', run);
}

async function tell({ redis, settings }: Queues, eventName: 'changed' | 'encoded', run: string): Promise<void> {
  const producer = new QueueEventsProducer(queueNames.control, { connection: redis, prefix: redisPrefix(settings) });
  try {
    await producer.publishEvent({ eventName, run });
  } finally {
    await producer.close();
  }
}

export interface ControlEventsOptions {
  readonly settings: Settings;
  /** Shared; listening takes one more. */
  readonly redis: Redis;
  readonly logger: Logger;
}

function listen({ settings, redis }: ControlEventsOptions): QueueEvents {
  const events = new QueueEvents(queueNames.control, { connection: redis, prefix: redisPrefix(settings) });
  // The connection's owner tells of its errors; and whoever cannot look now looks again later.
  events.on('error', () => {});
  return events;
}

/** Calls `look` at every change of a control record, and now and then. @returns how to end it, which nobody has to wait for. */
export function onControlChange({ look, ...options }: ControlEventsOptions & { readonly look: () => Promise<void> }): () => void {
  const { logger } = options;
  const events = listen(options);
  const tryLook = () => void look().catch((error: unknown) => logger.debug({ err: error }, 'could not look at control records'));
  events.on<ControlListener>('changed', tryLook);
  const timer = setInterval(tryLook, LOOK_MS);
  return () => {
    clearInterval(timer);
    events.close().catch(() => {});
  };
}

/** Calls `hasten` with each run of which encoders say that nothing is left to encode. @returns as `onControlChange`. */
export function onEncoded({ hasten, ...options }: ControlEventsOptions & { readonly hasten: (run: string) => Promise<void> }): () => void {
  const events = listen(options);
  events.on<ControlListener>('encoded', ({ run }: { run: string }) => {
    // Whoever can write to Redis can say anything there.
    if (!isName(run)) return;
    hasten(run).catch((error: unknown) => options.logger.debug({ err: error }, 'the finalizer looks by itself'));
  });
  return () => void events.close().catch(() => {});
}
