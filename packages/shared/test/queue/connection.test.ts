import { createServer, type Server } from 'node:net';
import { describeRedis, freePort, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import type { Settings } from '../../src/config';
import { preflight, redisError } from '../../src/queue/connection';
import { testSettings } from './settings';

const SECRET = 'hunter2-very-secret';

describeRedis('preflight', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer({ password: SECRET });
  });
  afterAll(() => server.stop());

  test('a sound server passes without a warning', async () => {
    const [report] = await preflight(testSettings(server.url));
    expect(report).toMatchObject({ host: `127.0.0.1:${server.port}`, warnings: [] });
  });

  test.each([
    ['a wrong password', ':wrong-password@'],
    ['a wrong user', `somebody:${SECRET}@`],
    ['no password', ''],
  ])('%s is REDIS_DENIED, names the setting and shows no secret', async (_what, credentials) => {
    const error = await preflight(testSettings(`redis://${credentials}127.0.0.1:${server.port}`)).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'REDIS_DENIED', exitCode: 4 });
    expect(String(error)).toContain('REDIS_URL');
    expect(String(error)).toContain(`127.0.0.1:${server.port}`);
    expect(JSON.stringify([String(error), (error as Error).cause])).not.toMatch(/hunter2|wrong-password/);
  });

  test('the pixel server is checked too, under its own setting', async () => {
    const settings = testSettings(server.url, { pixelRedis: `redis://:wrong@127.0.0.1:${server.port}` });
    await expect(preflight(settings)).rejects.toMatchObject({
      code: 'REDIS_DENIED',
      message: expect.stringContaining('SHOWTELL_PIXEL_REDIS') as string,
    });
  });

  test('nobody listening is REDIS_UNREACHABLE', async () => {
    await expect(preflight(testSettings(`redis://127.0.0.1:${await freePort()}`))).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      exitCode: 4,
    });
  });

  test('TLS to a server without it is REDIS_UNREACHABLE', async () => {
    await expect(preflight(testSettings(`rediss://:x@127.0.0.1:${server.port}`))).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
  }, 10_000);

  test('no address at all is CONFIG_INVALID', async () => {
    await expect(preflight({ ...testSettings('redis://x'), redis: undefined })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('a server that never answers', () => {
  let silent: Server;
  afterEach(() => silent.close());

  test('is REDIS_UNREACHABLE once the deadline is over', async () => {
    silent = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    await expect(preflight(testSettings(`redis://127.0.0.1:${port}`))).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
  }, 10_000);
});

describeRedis('an unsafe server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer({ args: ['--maxmemory-policy', 'allkeys-lru', '--appendonly', 'no'] });
  });
  afterAll(() => server.stop());

  test('is refused, naming the policy', async () => {
    await expect(preflight(testSettings(server.url))).rejects.toMatchObject({
      code: 'REDIS_UNSAFE',
      message: expect.stringContaining('allkeys-lru') as string,
    });
  });

  test('is only warned of when the operator says so; so is a missing append-only file', async () => {
    const [report] = await preflight(testSettings(server.url, { allowUnsafeRedis: true }));
    expect(report!.warnings).toEqual([expect.stringContaining('append-only'), expect.stringContaining('allkeys-lru')]);
  });
});

describeRedis('a server with less memory than pixels may wait there', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedisServer({ args: ['--maxmemory', '50mb'] });
  });
  afterAll(() => server.stop());
  const warned = [expect.stringMatching(/may hold 52428800 bytes \(maxmemory\), and SHOWTELL_PIXEL_WINDOW lets 1073741824/) as string];

  test('is warned of, unless the window is smaller, none, or elsewhere', async () => {
    const warnings = async (more: Partial<Settings>) => (await preflight(testSettings(server.url, more))).map((report) => report.warnings);
    expect(await warnings({})).toEqual([warned]);
    expect(await warnings({ pixelWindow: 40_000_000 })).toEqual([[]]);
    expect(await warnings({ pixelWindow: 0 })).toEqual([[]]);
    expect(await warnings({ pixelRedis: server.url })).toEqual([[], warned]);
  });
});

describe('redisError', () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'REDIS_FULL'],
    ['EXECABORT Transaction discarded because of previous errors.', 'REDIS_FULL'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'REDIS_DENIED'],
    ["NOPERM this user has no permissions to run the 'flushall' command", 'REDIS_DENIED'],
    [
      "ERR The user executing the script can't run this command or subcommand script: 0123456789abcdef0123456789abcdef01234567, on @user_script:1.",
      'REDIS_DENIED',
    ],
    ['Connection is closed.', 'REDIS_UNREACHABLE'],
  ])('%s', (message, code) => {
    expect(redisError(new Error(message), 'here')).toMatchObject({ code });
  });

  test('what a user may not do is another matter than its password', () => {
    const error = redisError(new Error("NOPERM this user has no permissions to run the 'flushall' command"), 'here') as Error;
    expect(error.message).toContain(
      "does not let this user do what it wants to: NOPERM this user has no permissions to run the 'flushall' command",
    );
  });

  test('leaves other errors as they are', () => {
    const error = new TypeError('x is not a function');
    expect(redisError(error, 'here')).toBe(error);
  });
});
