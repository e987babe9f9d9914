import type { Settings } from '@showtell/shared/config';
import type { ShowtellError } from '@showtell/shared/errors';
import { connectRedis, preflight } from '@showtell/shared/queue/connection';
import { until } from '../../../packages/shared/test/queue/until';
import type { PipelineRig } from '../pipeline-rig';
import { freePort } from '../redis-server';
import { describeFault } from './fault';

interface Diagnosis {
  readonly check: string;
  readonly outcome: string;
  readonly code?: string;
  readonly found: string;
  readonly todo?: string;
}

describeFault(10, 'eviction policy other than noeviction, or no AOF', {}, (place) => {
  async function configure(rig: PipelineRig, changes: readonly [string, string][]): Promise<void> {
    const redis = connectRedis(rig.settings);
    for (const [name, value] of changes) await redis.config('SET', name, value);
    redis.disconnect();
  }
  async function diagnose(rig: PipelineRig, settings: Partial<Settings>) {
    const doctor = place.showtell(rig, ['doctor', '--json', '--weights', rig.weightsFile], { settings });
    const { code } = await doctor.exit;
    return { code, redis: (JSON.parse(doctor.said()) as Diagnosis[]).find(({ check }) => check === 'redis')! };
  }

  test('doctor and start-up say so; the setting that overrides it makes it a warning', async () => {
    const rig = await place.rig();
    await configure(rig, [['maxmemory-policy', 'allkeys-lru']]);
    const unsafe = /REDIS_UNSAFE: .*\(REDIS_URL\).*expected maxmemory-policy noeviction but received allkeys-lru/;
    for (const start of [
      ['worker', 'ingest'],
      ['worker', 'encoder', '--device', 'cpu'],
      ['enqueue', 'synthetic:8'],
    ]) {
      const program = place.showtell(rig, start);
      expect({ ...(await program.exit), said: program.said() }).toMatchObject({ code: 4, said: expect.stringMatching(unsafe) as string });
      expect(program.said()).toContain('SHOWTELL_ALLOW_UNSAFE_REDIS=true');
    }
    expect(await diagnose(rig, {})).toMatchObject({ code: 4, redis: { outcome: 'failed', code: 'REDIS_UNSAFE' } });

    await configure(rig, [['appendonly', 'no']]);
    const both = [/no append-only file/, /received allkeys-lru/];
    const allowed = await diagnose(rig, { allowUnsafeRedis: true });
    expect(allowed).toMatchObject({ code: 0, redis: { outcome: 'warning' } });
    const worker = place.program(rig, 'ingest', { settings: { allowUnsafeRedis: true } });
    await until(() => worker.said().includes('ingest worker is ready'), 30_000);
    for (const warning of both) {
      expect(allowed.redis.todo).toMatch(warning);
      expect(worker.said()).toMatch(warning);
    }

    await configure(rig, [['maxmemory-policy', 'noeviction']]);
    expect(await diagnose(rig, {})).toMatchObject({
      code: 0,
      redis: { outcome: 'warning', todo: expect.stringMatching(both[0]!) as string },
    });
    await configure(rig, [['appendonly', 'yes']]);
  }, 120_000);
});

const WRONG = 'not-to-be-seen-8d2c';

describeFault(11, 'wrong Redis password, host, TLS', { proxied: true, secrets: [WRONG] }, (place) => {
  const withPort = (port: number, credentials = '') => `redis://${credentials}127.0.0.1:${port}`;
  /** What stands in the address, what is wrong with it, and the code. */
  const ADDRESSES: [string, () => string | Promise<string>, string, RegExp][] = [
    ['a wrong password', () => withPort(place.redis.port, `:${WRONG}@`), 'REDIS_DENIED', /WRONGPASS/],
    ['a wrong user', () => withPort(place.redis.port, `${WRONG}:${WRONG}@`), 'REDIS_DENIED', /WRONGPASS/],
    ['no password', () => withPort(place.redis.port), 'REDIS_DENIED', /NOAUTH/],
    ['a port where nobody listens', async () => withPort(await freePort(), `:${WRONG}@`), 'REDIS_UNREACHABLE', /ECONNREFUSED/],
    ['a host of no name', () => `redis://:${WRONG}@no-such-host.invalid:6379`, 'REDIS_UNREACHABLE', /ENOTFOUND|EAI_AGAIN|no answer/],
    ['a host that does not answer', () => withPort(place.proxy.redis.port, `:${WRONG}@`), 'REDIS_UNREACHABLE', /no answer within/],
    [
      'TLS where there is none',
      () => place.redis.url.replace('redis:', 'rediss:'),
      'REDIS_UNREACHABLE',
      /no answer within .*TLS \(rediss:/,
    ],
  ];

  test.each(ADDRESSES)(
    '%s: within 5 s, naming the setting, without a secret',
    async (_what, address, code, reason) => {
      place.proxy.redis.hang();
      const rig = await place.rig();
      const redis = await address();
      for (const [settings, setting] of [
        [{ redis }, 'REDIS_URL'],
        [{ redis: place.redis.url, pixelRedis: redis }, 'SHOWTELL_PIXEL_REDIS'],
      ] as const) {
        const begun = performance.now();
        const error = (await preflight({ ...rig.settings, ...settings }).catch((thrown: unknown) => thrown)) as Error;
        expect(performance.now() - begun).toBeLessThan(5_000);
        expect(error).toMatchObject({ code, exitCode: 4, message: expect.stringContaining(`(${setting})`) as string });
        expect(`${error.message} ${(error as ShowtellError).hint}`).toMatch(reason);
        expect(JSON.stringify([error.message, String(error.cause)])).not.toMatch(WRONG);
      }
    },
    20_000,
  );

  test.each(ADDRESSES.filter(([what]) => /password|does not answer|TLS/.test(what)))(
    '%s: every program that needs Redis ends with 4',
    async (_what, address, code) => {
      place.proxy.redis.hang();
      const rig = await place.rig();
      const settings = { redis: await address() };
      const programs = [['worker', 'ingest'], ['enqueue', 'synthetic:8', '--weights', rig.weightsFile], ['status']].map((args) =>
        place.showtell(rig, args, { settings }),
      );
      for (const { exit, said } of programs) {
        expect({ ...(await exit), said: said() }).toMatchObject({ code: 4, said: expect.stringContaining(`${code}: `) as string });
        expect(said()).toContain('REDIS_URL');
      }
    },
    60_000,
  );
});
