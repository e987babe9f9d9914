import { join } from 'node:path';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted } from '@showtell/shared/planned-run';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import { describeFault } from './fault';

const HOUR_MS = 3_600_000;
const TIMES = /the clock here says \d{4}-\S+Z, the store's \d{4}-\S+Z/;

/** A program whose clock is so many hours ahead. */
const ahead = (hours: number, args: string[] = []) => ({
  args,
  env: { NODE_OPTIONS: `--require ${join(__dirname, 'another-time.js')}`, SHOWTELL_TEST_CLOCK: String(hours * HOUR_MS) },
  // Nobody refuses for the sake of Redis.
  settings: { allowUnsafeRedis: true },
});

describeFault(21, 'clock an hour off', { stores: ['file', 's3'] }, (place) => {
  test.each([
    [1, -1],
    [-1, 1],
  ])(
    'that of ingest by %i h, that of an encoder by %i h: S3 is spoken to all the same, and order rests on no wall clock',
    async (ingest, encoder) => {
      const rig = await place.rig();
      const { run, shards } = await rig.enqueue({ dataset: 'synthetic:24', shardRows: 4 });
      const programs = [place.program(rig, 'ingest', ahead(ingest)), place.program(rig, 'encoder', ahead(encoder))];
      await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
      const { manifests } = await checkInvariants(rig.store, run);
      expect(manifests).toBe(1);
      expect((await listCommitted(rig.store, run)).size).toBe(shards.planned);
      for (const { said } of programs) {
        expect(said()).not.toMatch(/job failed|CLOCK_SKEW/);
        expect(said()).toMatch(/The clock here says \S+Z, that of Redis \S+Z at 127\.0\.0\.1:\d+: jobs that wait are due early or late/);
      }
    },
    90_000,
  );

  test.each([1, -1])(
    'by %i h from that of Redis, by which jobs that wait are due: CLOCK_SKEW at the start, with both times',
    async (hours) => {
      const rig = await place.rig();
      const worker = place.program(rig, 'ingest', { env: ahead(hours).env });
      expect(await worker.exit).toEqual({ code: 4, signal: null });
      expect(worker.said()).toMatch(/CLOCK_SKEW: The clock here says \S+Z, that of Redis \S+Z at 127\.0\.0\.1:\d+ \(REDIS_URL\)/);
    },
    30_000,
  );
});

// A folder has no clock but this machine's.
describeFault(21, 'clock an hour off', { stores: ['s3'], proxied: true }, (place) => {
  test('that the SDK cannot correct, since the store goes by yet another: CLOCK_SKEW, with both times', async () => {
    const rig = await place.rig();
    const body = () =>
      `<Error><Code>RequestTimeTooSkewed</Code><Message>Too far</Message><ServerTime>${new Date(Date.now() - HOUR_MS).toISOString()}</ServerTime></Error>`;
    place.proxy.s3!.rules.push({ action: { status: 403, body: body() } });
    const worker = place.program(rig, 'ingest');
    expect({ ...(await worker.exit), said: worker.said() }).toMatchObject({ code: 4, said: expect.stringMatching(TIMES) as string });
    expect(worker.said()).toContain('CLOCK_SKEW: ');
  }, 30_000);
});
