import { randomBytes } from 'node:crypto';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { keys } from '@showtell/shared/keys';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { planShard, readPlannedRun } from '@showtell/shared/planned-run';
import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import { Job, QueueEventsProducer } from 'bullmq';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault } from './fault';

const HOSTILE = [
  { run: '../../etc', shard: 0 },
  { run: 'one/../two', shard: 0 },
  { run: 'one', shard: '0/../../run' },
  { run: 'one', shard: -1 },
  { run: 'one', shard: 1e300 },
  { run: 'one', shard: 7_000 },
  { run: 'absent', shard: 0 },
  { run: 'constructor', shard: 0 },
  { run: '__proto__', shard: 0 },
  { run: ['one'], shard: 0 },
  { run: 'one', shard: 0, store: 's3://elsewhere', source: 'file:///etc', key: 'runs/two/run.json' },
  { shard: 0 },
  [],
  null,
  'one',
  { training: '../../../x', run: 'one' },
  { training: 'x', run: '../y' },
  { training: 'one-seed', run: 'one', preset: '__proto__' },
];

describeFault(76, 'somebody who can write to Redis', { stores: ['file'] }, (place) => {
  const logger = pino({ level: 'silent' });
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown(logger);
  });
  afterEach(() => shutdown.run());

  const everything = async ({ store }: PipelineRig) => {
    const found = new Map<string, string>();
    for await (const { key, etag } of store.list('')) found.set(key, etag);
    return found;
  };

  test('jobs of any kind make workers read and write nothing but what is planned', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ run: 'one', dataset: 'synthetic:24' });
    await rig.drain();
    const before = await checkInvariants(rig.store, run);
    const objects = await everything(rig);
    const { queues } = await openQueues(rig.settings, logger, shutdown);
    const all = [queues.ingest, queues.encode('float32'), queues.finalize, queues.train];
    const workers = [place.program(rig, 'ingest'), place.program(rig, 'encoder'), place.program(rig, 'trainer')];
    const jobs = await Promise.all(
      all.flatMap((queue) =>
        HOSTILE.map((data) =>
          Job.create(queue as never, 'x', data as never, { attempts: 1, removeOnComplete: false, removeOnFail: false }),
        ),
      ),
    );
    const unfinished = async () =>
      (await Promise.all(jobs.map((job) => job.getState()))).filter((state) => state !== 'completed' && state !== 'failed');
    await until(async () => (await unfinished()).length === 0, 60_000);
    for (const [key, etag] of await everything(rig)) expect({ key, etag }).toEqual({ key, etag: objects.get(key) });
    expect((await checkInvariants(rig.store, run)).shardSha256s).toEqual(before.shardSha256s);
    for (const { said } of workers) expect(said()).not.toMatch(/elsewhere|\/etc\//);
    for (const { child } of workers) expect(child.exitCode).toBeNull();
  }, 90_000);

  test('events of any kind stop nobody', async () => {
    const rig = await place.rig();
    const { queues, redis } = await openQueues(rig.settings, logger, shutdown);
    const workers = [rig.ingest(), rig.encoder()];
    const producer = new QueueEventsProducer('control', { connection: redis, prefix: redisPrefix(rig.settings) });
    for (const name of ['../x', '', 'absent', 'a'.repeat(10_000)])
      for (const eventName of ['changed', 'encoded', 'constructor', 'error', '__proto__'])
        await producer.publishEvent({ eventName, run: name });
    await redis.xadd(`${redisPrefix(rig.settings)}:control:events`, '*', 'x', 'y');
    await redis.xadd(`${redisPrefix(rig.settings)}:ingest:events`, '*', 'event', 'error');
    await producer.close();
    const { run } = await rig.enqueue();
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
    await checkInvariants(rig.store, run);
    expect(await queues.ingest.getFailedCount()).toBe(0);
    await Promise.all(workers.map((worker) => worker.stop()));
  }, 90_000);

  test('pixels that it writes become no features: the encoder says so and prepares the photos', async () => {
    const [honest, rig] = [await place.rig(), await place.rig()];
    const expected = await honest.enqueue({ run: 'one', dataset: 'synthetic:24' });
    await honest.drain();
    const { run } = await rig.enqueue({ run: 'one', dataset: 'synthetic:24' });
    const { queues, redis } = await openQueues(rig.settings, logger, shutdown);
    const ingest = rig.ingest();
    await until(
      async () => (await queues.encode('float32').getJobCountByTypes('waiting', 'prioritized')) === expected.shards.planned,
      30_000,
    );
    await ingest.stop();
    const pixelKeys = await redis.keys('*:pixels:*');
    expect(pixelKeys.length).toBeGreaterThanOrEqual(expected.shards.planned);
    const blocks = await Promise.all(pixelKeys.map((key) => redis.getBuffer(key)));
    for (const [index, key] of pixelKeys.entries()) {
      const own = Buffer.from(blocks[index]!);
      // Another's whole block; one byte of the last picture; noise; nothing; a length that lies.
      if (index % 5 === 0) await redis.set(key, blocks[(index + 1) % blocks.length]!);
      if (index % 5 === 1) await redis.set(key, ((own[own.length - 1]! ^= 1), own));
      if (index % 5 === 2) await redis.set(key, randomBytes(own.length));
      if (index % 5 === 3) await redis.set(key, '');
      if (index % 5 === 4) await redis.set(key, (own.writeUInt32LE(0xffff_ffff, 8), own));
    }
    await rig.drain();
    expect((await checkInvariants(rig.store, run)).shardSha256s).toEqual((await checkInvariants(honest.store, expected.run)).shardSha256s);
    const refused = rig.log.filter(({ msg }) => msg.startsWith('what Redis has is not what ingest has prepared'));
    expect(refused).toHaveLength(pixelKeys.length);
  }, 90_000);

  test('nor do pixels made with the key of another store, or whole forged ones', async () => {
    const rig = await place.rig();
    const { run } = await rig.enqueue({ run: 'one', dataset: 'synthetic:8' });
    const planned = (await readPlannedRun(rig.store, run))!;
    const part = planShard(planned, 0);
    const rows = decodePlanRows(await readPart(rig.store, part), part.key).slice(0, planned.plan.microBatch);
    const { queues, pixels, redis } = await openQueues(rig.settings, logger, shutdown);
    await queues.ingest.drain();
    const black = rows.map((row) => ({ row, pixels: Buffer.alloc(PIXEL_BYTES) }));
    await pixels.put(randomBytes(32), { run, shard: 0, planSha256: part.sha256 }, 0, black, Date.now() + 60_000);
    await queues.encode('float32').add('encode', { run, shard: 0 }, { jobId: jobIds.shard(run, 0) });
    expect(await redis.keys('*:pixels:*')).toHaveLength(1);
    await rig.drain();
    expect(await rig.store.head(keys.commit(run, 0))).toBeDefined();
    const { features } = await checkInvariants(rig.store, run);
    const again = await place.rig();
    const honest = await again.enqueue({ run: 'one', dataset: 'synthetic:8' });
    await again.drain();
    expect(features).toEqual((await checkInvariants(again.store, honest.run)).features);
  }, 90_000);
});
