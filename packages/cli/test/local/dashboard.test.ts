import { get } from 'node:http';
import { readSettings } from '@showtell/shared/config';
import { connectRedis } from '@showtell/shared/queue/connection';
import { Queues } from '@showtell/shared/queue/queues';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { startDashboard } from '../../src/local/dashboard';

describeRedis('dashboard', () => {
  let redis: RedisServer;
  let connection: ReturnType<typeof connectRedis>;
  let queues: Queues;
  beforeAll(async () => {
    redis = await startRedisServer();
    const settings = readSettings({ env: { REDIS_URL: redis.url } });
    connection = connectRedis(settings);
    queues = new Queues(connection, settings);
  });
  afterAll(async () => {
    await queues.close();
    connection.disconnect();
    await redis.stop();
  });

  test('shows the queues, and changes nothing', async () => {
    const dashboard = await startDashboard(queues);
    try {
      const page = await fetch(dashboard.url);
      expect(await page.text()).toContain('Showtell');
      expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
      const shown = (await (await fetch(`${dashboard.url}/api/queues`)).json()) as { queues: { name: string; readOnlyMode: boolean }[] };
      expect(shown.queues.map(({ name }) => name)).toEqual(expect.arrayContaining(['ingest', 'encode-float32', 'finalize', 'train']));
      expect(shown.queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
      const paused = await fetch(`${dashboard.url}/api/queues/ingest/pause`, { method: 'PUT' });
      expect(paused.ok).toBe(false);
      expect(await queues.ingest.isPaused()).toBe(false);
    } finally {
      await dashboard.close();
    }
  });

  test('answers nobody who came by the name of another machine', async () => {
    const dashboard = await startDashboard(queues);
    try {
      const { port } = new URL(dashboard.url);
      const statusFor = (host: string) =>
        new Promise<number | undefined>((resolve, reject) => {
          get({ port, path: '/api/queues', headers: { host } }, (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          }).once('error', reject);
        });
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost'])
        expect([host, await statusFor(host)]).toEqual([host, 200]);
      for (const host of [`evil.example:${port}`, `127.0.0.1.evil.example`, `localhost@evil.example`])
        expect([host, await statusFor(host)]).toEqual([host, 403]);
    } finally {
      await dashboard.close();
    }
  });

  test('a taken port is said, with what to do', async () => {
    const first = await startDashboard(queues);
    try {
      const port = Number(new URL(first.url).port);
      await expect(startDashboard(queues, port)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(String(port)),
      });
    } finally {
      await first.close();
    }
  });
});
