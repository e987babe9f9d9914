import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { connectRedis } from '../../src/queue/connection';
import { withRunLock } from '../../src/queue/run-lock';
import { testSettings } from './settings';
import { until } from './until';

describeRedis('the run lock', () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedisServer();
    redis = connectRedis(testSettings(server.url));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('lets one in after the other, also after a failure', async () => {
    let inside = 0;
    let most = 0;
    const enter = (fail: boolean) =>
      withRunLock(redis, '{test}', 'run', async () => {
        most = Math.max(most, (inside += 1));
        await sleep(20);
        inside -= 1;
        if (fail) throw new Error('on purpose');
      });
    const outcomes = await Promise.allSettled([false, true, false, true, false].map(enter));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(most).toBe(1);
    expect(await redis.dbsize()).toBe(0);
  });

  test('of another run does not matter', async () => {
    expect(await withRunLock(redis, '{test}', 'one', () => withRunLock(redis, '{test}', 'two', async () => 'in'))).toBe('in');
  });

  test('that stays held is RUN_LOCKED', async () => {
    await withRunLock(redis, '{test}', 'run', async () => {
      await expect(withRunLock(redis, '{test}', 'run', async () => {}, { waitMs: 200 })).rejects.toMatchObject({
        code: 'RUN_LOCKED',
        exitCode: 4,
      });
    });
  });

  test('of a dead holder is waited out', async () => {
    await redis.set('{test}:lock:run', 'dead', 'PX', 300);
    await expect(withRunLock(redis, '{test}', 'run', async () => 'in')).resolves.toBe('in');
  });

  test('that is lost stops the work, and the next holder keeps its own', async () => {
    const work = withRunLock(redis, '{test}', 'run', async (signal) => {
      await redis.set('{test}:lock:run', 'another');
      await until(() => signal.aborted);
      signal.throwIfAborted();
    });
    await expect(work).rejects.toMatchObject({ code: 'RUN_LOCKED' });
    expect(await redis.get('{test}:lock:run')).toBe('another');
  });
});
