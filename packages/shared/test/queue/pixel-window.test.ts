import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { connectRedis } from '../../src/queue/connection';
import { PixelWindow } from '../../src/queue/pixel-window';
import { testSettings } from './settings';

describeRedis('the pixel window', () => {
  let server: RedisServer;
  let redis: Redis;
  let window: PixelWindow;
  let prefix = 0;
  const open = (limit: number, leaseMs?: number) =>
    new PixelWindow(redis, { prefix: `{test}:${prefix++}`, limit, ...(leaseMs !== undefined && { leaseMs }) });
  beforeAll(async () => {
    server = await startRedisServer();
    redis = connectRedis(testSettings(server.url));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('grants while there is room, and again after a release', async () => {
    window = open(600);
    expect(await window.reserve('float32', 'run', 0, 200)).toMatchObject({ until: expect.any(Number) as number });
    expect(await window.reserve('float32', 'run', 1, 200)).toMatchObject({ until: expect.any(Number) as number });
    expect(await window.reserve('float32', 'run', 2, 200)).toBe('full');
    await window.release('float32', 'run', 0);
    expect(await window.reserve('float32', 'run', 2, 200)).not.toBe('full');
    expect(await window.reserved()).toBe(400);
  });

  test('asking again for the same shard renews and never counts twice', async () => {
    window = open(600);
    for (let times = 0; times < 10; times++) expect(await window.reserve('float32', 'run', 0, 400)).not.toBe('full');
    expect(await window.reserved()).toBe(400);
  });

  test('releasing what is not held changes nothing', async () => {
    window = open(600);
    await window.reserve('float32', 'run', 0, 100);
    await window.release('float32', 'run', 7);
    await window.release('int8', 'run', 0);
    expect(await window.reserved()).toBe(100);
  });

  test('keeps a share for every precision, so that one without workers cannot block the others', async () => {
    window = open(600);
    await window.reserve('float32', 'run', 0, 400);
    expect(await window.reserve('float32', 'run', 1, 1)).toBe('full');
    expect(await window.reserve('float16', 'other', 0, 100)).not.toBe('full');
    expect(await window.reserve('int8', 'third', 0, 100)).not.toBe('full');
    expect(await window.reserved()).toBe(600);
    expect(await window.reserve('int8', 'third', 1, 1)).toBe('full');
  });

  test('a shard that would never fit is told apart from a full window', async () => {
    window = open(600);
    expect(await window.reserve('float32', 'run', 0, 401)).toBe('too-large');
    expect(await window.reserve('float32', 'run', 0, 400)).not.toBe('too-large');
    expect(await open(0).reserve('float32', 'run', 0, 1)).toBe('too-large');
    expect([window.closed, open(0).closed]).toEqual([false, true]);
  });

  test("what a dead service held comes back when its lease is over, by Redis' own clock", async () => {
    window = open(600, 100);
    await window.reserve('float32', 'run', 0, 400);
    expect(await window.reserve('float32', 'run', 1, 400)).toBe('full');
    const deadline = performance.now() + 5_000;
    while ((await window.reserve('float32', 'run', 1, 400)) === 'full' && performance.now() < deadline) await sleep(20);
    expect(await window.reserved()).toBe(400);
  });

  test('many services at once never exceed it', async () => {
    window = open(1_000);
    const granted = await Promise.all(
      Array.from({ length: 60 }, (_, shard) => window.reserve((['float32', 'float16', 'int8'] as const)[shard % 3]!, 'run', shard, 70)),
    );
    const sum = granted.filter((reservation) => reservation !== 'full').length * 70;
    expect(await window.reserved()).toBe(sum);
    expect(sum).toBeLessThanOrEqual(1_000);
    expect(sum).toBeGreaterThan(700);
  });

  test('a waiting service goes on when there is room, and stops when it is told to', async () => {
    window = open(600);
    await window.reserve('float32', 'run', 0, 400);
    const waiting = window.waitForRoom('float32', 'run', 1, 400, new AbortController().signal);
    await window.release('float32', 'run', 0);
    expect(await waiting).toMatchObject({ until: expect.any(Number) as number });

    const stop = new AbortController();
    const stopped = window.waitForRoom('float32', 'run', 2, 400, stop.signal);
    stop.abort(new Error('enough'));
    await expect(stopped).rejects.toThrow('enough');
  });
});
