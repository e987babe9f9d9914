import { latestManifestNumber } from '@showtell/shared/manifests';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES } from '@showtell/shared/queue/queues';
import type { Point } from '@showtell/shared/reached';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import type { WorkerProgram } from '../worker-program';
import { atPoint, describeFault } from './fault';

/**
 * Where a program is held. Once it wakes, either its write is refused (412), and it reads the record of the other one, or its signal
 * aborts before that write begins: its timers are late, too.
 */
const HELD: [Point, 'ingest' | 'encoder'][] = [
  ['encode:encoded', 'encoder'],
  ['commit:parts-written', 'encoder'],
  ['encode:before-ack', 'encoder'],
  ['ingest:block-put', 'ingest'],
  ['ingest:before-handover', 'ingest'],
  ['finalize:read', 'ingest'],
];
const EXITED_WELL = { code: 0, signal: null };

describeFault(3, 'event loop blocked longer than the lock', {}, (place) => {
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());

  const lookOn = (rig: PipelineRig): Promise<RedisServices> => openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true);
  const complete = (rig: PipelineRig, run: string) => until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
  /** No job is left, no room reserved; and pixels that came after their room was given back go by themselves. */
  const nothingIsLeft = async (rig: PipelineRig) => {
    const { redis, queues, window } = await lookOn(rig);
    const live = async () => {
      const counts = [queues.ingest, queues.encode('float32'), queues.finalize].map((queue) => queue.getJobCountByTypes(...LIVE_STATES));
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    };
    await until(async () => (await live()) === 0, 30_000);
    expect(await window.reserved()).toBe(0);
    for (const key of await redis.keys(`{${rig.settings.prefix}}:pixels:*`)) expect(await redis.pttl(key)).toBeGreaterThan(0);
  };
  const committedBy = (programs: readonly WorkerProgram[]) =>
    programs
      .map(({ said }) => said())
      .join('')
      .split('"shard committed"').length - 1;
  const stops = async ({ child, exit }: WorkerProgram) => {
    child.kill('SIGTERM');
    expect(await exit).toEqual(EXITED_WELL);
  };

  test.each(HELD)(
    'held at %s until another has done the whole run',
    async (point, stage) => {
      const rig = await place.rig();
      const { run, shards } = await rig.enqueue();
      const hold = atPoint(rig, { point, act: 'stop' });
      const held = place.program(rig, stage, { env: hold.env });
      const others = [place.program(rig, stage === 'ingest' ? 'encoder' : 'ingest')];
      await until(hold.happened, 30_000);
      others.push(place.program(rig, stage));
      await complete(rig, run);
      const { shardSha256s } = await checkInvariants(rig.store, run);

      held.child.kill('SIGCONT');
      await until(() => held.said().includes('"code":"LOCK_LOST"'), 30_000);
      await nothingIsLeft(rig);
      const after = await checkInvariants(rig.store, run);
      expect(after).toMatchObject({ shardSha256s, manifests: 1 });
      // What the one that was held still did, it did not do a second time.
      expect(committedBy([held, ...others])).toBe(shards.planned);
      expect(held.child.exitCode).toBeNull();
      await stops(held);
    },
    120_000,
  );

  test('an encoder whose event loop hangs before it writes the record goes on; the shard is encoded once more and committed once', async () => {
    const rig = await place.rig();
    const hang = atPoint(rig, { point: 'commit:parts-written', act: 'block', milliseconds: 8_000 });
    // Whichever of them comes there first.
    const encoders = [1, 2].map(() => place.program(rig, 'encoder', { env: hang.env }));
    place.program(rig, 'ingest');
    await until(() => encoders.every(({ said }) => said().includes('worker is ready')), 30_000);
    const { run, shards } = await rig.enqueue();
    await complete(rig, run);
    await until(() => encoders.some(({ said }) => said().includes('"code":"LOCK_LOST"')), 30_000);
    await nothingIsLeft(rig);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    expect(committedBy(encoders)).toBe(shards.planned);
    for (const encoder of encoders) await stops(encoder);
  }, 120_000);
});
