import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Settings } from '../config';
import type { Shutdown } from '../shutdown';
import { connectRedis, preflight, redisPrefix } from './connection';
import { PixelWindow } from './pixel-window';
import { Pixels } from './pixels';
import { Queues } from './queues';

/** What a service reaches through Redis. */
export interface RedisServices {
  readonly redis: Redis;
  readonly queues: Queues;
  readonly pixels: Pixels;
  readonly window: PixelWindow;
}

/** Warnings of this process so far: `enqueue --wait` connects twice, and one warning is enough. */
const told = new Set<string>();

/**
 * Checks Redis (`preflight`), connects, and leaves the closing to `shutdown`.
 * @param addsNone for who adds no jobs, and only looks or takes some: nothing is written beside the queue that it works at.
 */
export async function openQueues(settings: Settings, logger: Logger, shutdown: Shutdown, addsNone = false): Promise<RedisServices> {
  for (const { warnings } of await preflight(settings))
    for (const warning of warnings) {
      if (!told.has(warning)) logger.warn(warning);
      told.add(warning);
    }
  const redis = connect(settings, 'jobs', logger, shutdown);
  const pixelRedis = settings.pixelRedis === undefined ? redis : connect(settings, 'pixels', logger, shutdown);
  const queues = new Queues(redis, settings, addsNone);
  shutdown.defer('queues', () => queues.close());
  const prefix = redisPrefix(settings);
  return {
    redis,
    queues,
    pixels: new Pixels(pixelRedis, prefix),
    // The window lies beside the pixels, since it is that server's memory and clock that count.
    window: new PixelWindow(pixelRedis, { prefix, limit: settings.pixelWindow }),
  };
}

function connect(settings: Settings, role: 'jobs' | 'pixels', logger: Logger, shutdown: Shutdown): Redis {
  const redis = connectRedis(settings, role);
  redis.on('error', (err) => logger.warn({ err }, 'Redis connection lost; waiting for it'));
  redis.on('reconnecting', () => logger.debug('reconnecting to Redis'));
  shutdown.defer('Redis connection', () => redis.disconnect());
  return redis;
}
