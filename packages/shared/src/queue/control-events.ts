import { QueueEvents, type QueueEventsListener, QueueEventsProducer } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Settings } from '../config';
import { redisPrefix } from './connection';
import { type Queues, queueNames } from './queues';

/** An event may be lost with the Redis that carried it, so workers look by themselves as well. */
const LOOK_MS = 30_000;

interface ControlListener extends QueueEventsListener {
  changed: (event: { run: string }, id: string) => void;
}

/**
 * Tells all workers that a run's control record was changed: they read it again. On a stream of its own, since on those of the queues
 * every worker would be told of every job.
 */
export async function tellControlChange({ redis, settings }: Queues, run: string): Promise<void> {
  const producer = new QueueEventsProducer(queueNames.control, { connection: redis, prefix: redisPrefix(settings) });
  try {
    await producer.publishEvent({ eventName: 'changed', run });
  } finally {
    await producer.close();
  }
}

export interface ControlChangeOptions {
  readonly settings: Settings;
  /** Shared; listening takes one more. */
  readonly redis: Redis;
  readonly logger: Logger;
  readonly look: () => Promise<void>;
}

/** Calls `look` at every change of a control record, and now and then. @returns how to end it, which nobody has to wait for. */
export function onControlChange({ settings, redis, logger, look }: ControlChangeOptions): () => void {
  const events = new QueueEvents(queueNames.control, { connection: redis, prefix: redisPrefix(settings) });
  // The connection's owner tells of its errors; and whoever cannot look now looks again later.
  events.on('error', () => {});
  const tryLook = () => void look().catch((error: unknown) => logger.debug({ err: error }, 'could not look at control records'));
  events.on<ControlListener>('changed', tryLook);
  const timer = setInterval(tryLook, LOOK_MS);
  return () => {
    clearInterval(timer);
    events.close().catch(() => {});
  };
}
