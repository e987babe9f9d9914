import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EnqueueOptions } from '@showtell/ingest/admin/enqueue';
import { runStatus } from '@showtell/ingest/admin/status';
import { keys } from '@showtell/shared/keys';
import { listCommitted } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import { CONTROL_FORMAT } from '@showtell/shared/schema/control';
import { encodeRecord } from '@showtell/shared/schema/record';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { writeCocoFixture } from '../../packages/ingest/test/coco-fixture';
import { until } from '../../packages/shared/test/queue/until';
import { checkInvariants } from './invariants';
import { ERROR_LEVEL, type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, freePort, type RedisServer, startRedisServer } from './redis-server';

describeRedis('the pipeline', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  let folder: string;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-dataset-'));
    rig = await pipelineRig(server.url);
    shutdown = new Shutdown();
    // It only looks on, so that what a program leaves in Redis is that program's.
    redis = await openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true);
  });
  afterEach(async () => {
    await rig.close();
    await shutdown.run();
    await rm(folder, { recursive: true });
  });

  const errors = () => rig.log.filter(({ level }) => level >= ERROR_LEVEL);
  const ownKeys = () => redis.redis.keys(`{${rig.settings.prefix}}:*`);
  const committed = async (run: string) => (await listCommitted(rig.store, run)).size;

  test('turns a COCO folder into shards and a manifest; rejected photos have a reason; nothing is left in Redis', async () => {
    const fixture = await writeCocoFixture(folder, [
      { name: 'train2017', photos: 20, bad: ['truncated', 'not-an-image', 'absent'] },
      { name: 'val2017', photos: 9 },
    ]);
    const first = await rig.enqueue({ dataset: folder });
    expect(first).toMatchObject({
      existed: false,
      state: 'running',
      shards: { planned: 5, committed: 0, waiting: 0, failed: 0, added: 5 },
    });
    await rig.drain();
    const checked = await checkInvariants(rig.store, first.run);
    expect([...checked.rejected].map(([imageId, code]) => ({ imageId, code }))).toEqual(fixture.rejected);
    expect(checked.features.size).toBe(28 - fixture.rejected.length);
    expect(errors()).toEqual([]);
    expect(rig.log).toContainEqual(expect.objectContaining({ msg: 'encoder worker is ready', device: 'cpu' }));
    expect((await ownKeys()).filter((key) => /pixels|window|lock/.test(key))).toEqual([]);

    const again = await rig.enqueue({ dataset: folder });
    expect(again).toMatchObject({
      existed: true,
      shards: { planned: 5, committed: 5, waiting: 0, failed: 0, added: 0 },
      samples: { planned: 28, committed: 26, rejected: { TRUNCATED: 1, UNSUPPORTED_FORMAT: 1 } },
    });
    expect(await runStatus(rig.store, redis.queues, first.run)).toMatchObject({
      state: 'complete',
      manifest: 1,
      shards: { planned: 5, committed: 5, failed: 0 },
      rejected: { TRUNCATED: 1, UNSUPPORTED_FORMAT: 1 },
      splits: [
        { split: 'train', planned: 19, committed: 17, rejected: 2 },
        { split: 'val', planned: 9, committed: 9, rejected: 0 },
      ],
    });
  }, 60_000);

  test('a dry run says what it would do and writes nothing', async () => {
    const report = await rig.enqueue({ dryRun: true });
    expect(report).toMatchObject({ dryRun: true, existed: false, shards: { planned: 5, added: 5 }, samples: { planned: 35 } });
    expect(await readdir(rig.folder)).not.toContain('store');
    expect(await ownKeys()).toEqual([]);
  });

  test.each([
    ['that is not named', undefined, /no address/],
    ['that does not answer', 'redis://127.0.0.1:1', /127\.0\.0\.1:1/],
  ])('a dry run does without a Redis %s, and says so', async (_name, url, why) => {
    const settings = { ...rig.settings, redis: url };
    const report = await rig.enqueue({ dryRun: true, settings });
    expect(report).toMatchObject({ existed: false, jobsNotSeen: expect.stringMatching(why) as string, shards: { planned: 5, added: 5 } });
    await rig.enqueue();
    expect(await rig.enqueue({ dryRun: true, settings })).toMatchObject({ existed: true, shards: { committed: 0, waiting: 0, added: 5 } });
    expect(await rig.enqueue({ dryRun: true })).not.toHaveProperty('jobsNotSeen');
    await expect(rig.enqueue({ settings })).rejects.toMatchObject({ code: url === undefined ? 'CONFIG_INVALID' : 'REDIS_UNREACHABLE' });
  });

  test('fault 12 [file] enqueueing again, at once, before and in the middle, adds nothing that is on its way or done', async () => {
    const both = await Promise.all([rig.enqueue(), rig.enqueue()]);
    expect(new Set(both.map(({ shards }) => shards.added))).toEqual(new Set([0, 5]));
    const { run } = both[0]!;
    expect(await rig.enqueue()).toMatchObject({ run, shards: { committed: 0, waiting: 5, added: 0 } });

    // Ingest done, encode waiting.
    const ingest = rig.ingest();
    await until(async () => (await redis.queues.encode('float32').getJobCountByTypes('prioritized')) === 5);
    expect(await rig.enqueue()).toMatchObject({ shards: { committed: 0, waiting: 5, added: 0 } });

    const encoder = rig.encoder();
    await until(async () => (await committed(run)) >= 2);
    // Neither the services' connections nor a new one may rely on scripts that were there a moment ago.
    await redis.redis.script('FLUSH');
    const halfway = await rig.enqueue();
    expect(halfway.shards).toMatchObject({ planned: 5, failed: 0, added: 0 });
    expect(halfway.shards.committed + halfway.shards.waiting).toBe(5);
    await until(async () => (await runStatus(rig.store, redis.queues, run)).state === 'complete');
    await Promise.all([ingest.stop(), encoder.stop()]);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    expect(rig.log.filter(({ msg }) => msg === 'shard committed')).toHaveLength(5);
  }, 60_000);

  test('enqueueing that was stopped between plan and jobs goes on where it was', async () => {
    const stop = new AbortController();
    const onProgress: EnqueueOptions['onProgress'] = ({ step, done, total }) => {
      if (step === 'plan' && done === total) stop.abort(new Error('enough'));
    };
    await expect(rig.enqueue({ signal: stop.signal, onProgress })).rejects.toThrow('enough');
    expect(await rig.enqueue()).toMatchObject({ existed: true, shards: { planned: 5, committed: 0, waiting: 0, added: 5 } });
    await rig.drain();
    await checkInvariants(rig.store, (await rig.enqueue()).run);
  }, 60_000);

  test('fault 8 [file] a wiped Redis costs nothing that was committed: enqueueing again adds the rest', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:96' });
    const workers = [rig.ingest(), rig.encoder()];
    await until(async () => (await committed(run)) >= 3);
    await redis.redis.flushall();
    expect((await runStatus(rig.store, redis.queues, run)).state).toMatch(/lost|running/);
    const before = await committed(run);
    const again = await rig.enqueue({ dataset: 'synthetic:96' });
    expect(again.shards.committed).toBeGreaterThanOrEqual(before);
    expect(again.shards.added).toBeLessThanOrEqual(again.shards.planned - before);
    await until(async () => (await runStatus(rig.store, redis.queues, run)).state === 'complete', 30_000);
    await Promise.all(workers.map((worker) => worker.stop()));
    await checkInvariants(rig.store, run);
    expect(rig.log.filter(({ msg }) => msg === 'shard committed')).toHaveLength(again.shards.planned);
  }, 60_000);

  test('the run is complete as soon as its last shard is: the finalizer is not waited for', async () => {
    const { run } = await rig.enqueue();
    const workers = [rig.ingest()];
    await until(async () => (await redis.queues.encode('float32').count()) === 5);
    // Its next look would be in an hour.
    await until(async () => {
      const job = await redis.queues.finalize.getJob(jobIds.finalize(run));
      return (
        (await job!.isDelayed()) &&
        job!.changeDelay(3_600_000).then(
          () => true,
          () => false,
        )
      );
    });
    workers.push(rig.encoder());
    await until(async () => (await runStatus(rig.store, redis.queues, run)).state === 'complete', 20_000);
    expect(await committed(run)).toBe(5);
    await Promise.all(workers.map((worker) => worker.stop()));
  }, 60_000);

  test('a job that was lost is noticed by the finalizer and added again', async () => {
    const { run } = await rig.enqueue();
    await redis.queues.ingest.remove(jobIds.shard(run, 2));
    // An encoder that drains would be gone before the job is back.
    const encoder = rig.encoder();
    await rig.ingest({ once: true }).done;
    await encoder.stop();
    await checkInvariants(rig.store, run);
    expect(rig.log).toContainEqual(expect.objectContaining({ msg: 'jobs were missing from the queue and were added again', added: 1 }));
  }, 60_000);

  test('a paused run gets no jobs, and jobs that are there end without work', async () => {
    const { run } = await rig.enqueue();
    await rig.store.putIfAbsent(keys.control(run), encodeRecord({ formatVersion: CONTROL_FORMAT, state: 'paused' }));
    expect(await rig.enqueue()).toMatchObject({ state: 'paused', shards: { waiting: 5, added: 0 } });
    await rig.drain();
    expect(await committed(run)).toBe(0);
    expect(await rig.enqueue()).toMatchObject({ state: 'paused', shards: { waiting: 0, added: 0 } });
    expect((await ownKeys()).filter((key) => /pixels|window/.test(key))).toEqual([]);
    expect((await runStatus(rig.store, redis.queues, run)).state).toBe('paused');

    await rig.store.delete(keys.control(run));
    expect(await rig.enqueue()).toMatchObject({ state: 'running', shards: { added: 5 } });
    await rig.drain();
    await checkInvariants(rig.store, run);
  }, 60_000);

  test('fault 12 [file] a shard that cannot be encoded fails in the encode queue alone, and goes on once the cause is mended', async () => {
    const { run } = await rig.enqueue();
    const plan = keys.planPart(run, 1, 'x').replace(/x\.arrow$/, '');
    const parts = join(rig.folder, 'store', 'runs', run, 'plan');
    const part = (await readdir(parts)).find((name) => plan.endsWith(name.split('-')[0]!.concat('-')))!;
    await rename(join(parts, part), join(folder, part));
    await rig.drain();
    expect(await committed(run)).toBe(4);
    const status = await runStatus(rig.store, redis.queues, run);
    expect(status).toMatchObject({ state: 'failed', shards: { planned: 5, committed: 4, failed: 1 } });
    expect(status.failures).toEqual([{ shard: 1, reason: expect.stringMatching(/^CORRUPT_OBJECT: /) as string }]);
    expect(await redis.queues.ingest.getJobCountByTypes('failed')).toBe(0);
    expect(rig.log).toContainEqual(expect.objectContaining({ code: 'RUN_STUCK' }));
    expect((await ownKeys()).filter((key) => /pixels|window/.test(key))).toEqual([]);

    await rename(join(folder, part), join(parts, part));
    expect(await rig.enqueue()).toMatchObject({ shards: { committed: 4, waiting: 0, failed: 1, added: 1 } });
    await rig.drain();
    await checkInvariants(rig.store, run);
  }, 60_000);

  test('shards that fail before they reach the encoders are told, too, and go on once the cause is mended', async () => {
    const { run } = await rig.enqueue();
    const plan = join(rig.folder, 'store', keys.plan(run));
    await rename(plan, join(folder, 'plan.json'));
    await rig.ingest({ once: true }).done;
    await rename(join(folder, 'plan.json'), plan);
    const status = await runStatus(rig.store, redis.queues, run);
    expect(status).toMatchObject({ state: 'failed', shards: { planned: 5, committed: 0, failed: 5 } });
    expect(status.failures).toContainEqual({ shard: 4, reason: expect.stringMatching(/^NOT_FOUND: /) as string });

    expect(await rig.enqueue()).toMatchObject({ shards: { failed: 5, added: 5 } });
    await rig.drain();
    await checkInvariants(rig.store, run);
  }, 60_000);

  test('the pixel window is never exceeded, and empty at the end', async () => {
    const shardBytes = 8 * 299 * 299 * 3;
    // Two thirds of the window, all that one precision may take, hold two shards.
    const pixelWindow = 3 * shardBytes + 100;
    const tight = { settings: { pixelWindow } };
    const { run } = await rig.enqueue();
    let most = 0;
    const watched = new AbortController();
    const watch = async () => {
      while (!watched.signal.aborted) {
        let bytes = 0;
        for (const key of (await ownKeys()).filter((name) => name.includes(':pixels:'))) bytes += await redis.redis.strlen(key);
        most = Math.max(most, bytes);
      }
    };
    const watching = watch();
    const ingest = rig.ingest(tight);
    await until(() => most > 1.9 * shardBytes);
    const encoder = rig.encoder(tight);
    await until(async () => (await runStatus(rig.store, undefined, run)).manifest === 1, 30_000);
    await Promise.all([ingest.stop(), encoder.stop()]);
    watched.abort();
    await watching;
    // The blocks' headers come on top of the pixels.
    expect(most).toBeLessThanOrEqual(2 * shardBytes + 20_000);
    await checkInvariants(rig.store, run);
    expect((await ownKeys()).filter((key) => /pixels|window/.test(key))).toEqual([]);
  }, 60_000);

  test('shards larger than the window go on without pixels', async () => {
    const none = { once: true, settings: { pixelWindow: 0 } };
    const { run } = await rig.enqueue();
    await Promise.all([rig.ingest(none), rig.encoder(none)].map(({ done }) => done));
    expect((await checkInvariants(rig.store, run)).features.size).toBe(35);
  }, 60_000);

  test('a run whose name is taken by other settings is refused, with the differences', async () => {
    await rig.enqueue({ run: 'mine' });
    await expect(rig.enqueue({ run: 'mine', shardRows: 9, train: 'seed' })).rejects.toMatchObject({
      code: 'RUN_EXISTS',
      message: expect.stringMatching(/shardRows: the run has 8, asked for 9\n.*train: the run has none, asked for "seed"/) as string,
    });
  });

  test('a source that is no dataset leaves nothing behind', async () => {
    await expect(rig.enqueue({ dataset: folder })).rejects.toMatchObject({ exitCode: 3 });
    expect(await readdir(rig.folder)).not.toContain('store');
    expect(await redis.queues.finalize.getJobCountByTypes('waiting')).toBe(0);
  });

  test.each(['enqueue', 'ingest', 'encoder'] as const)('%s without a Redis, or with a wrong password, ends at once', async (program) => {
    const start = async (redisUrl: string) => {
      const settings = { ...rig.settings, redis: redisUrl };
      if (program === 'enqueue') await rig.enqueue({ settings });
      else await rig[program]({ settings }).done;
    };
    await expect(start(`redis://127.0.0.1:${await freePort()}`)).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE', exitCode: 4 });
    await expect(start(`redis://nobody:wrong@127.0.0.1:${server.port}`)).rejects.toMatchObject({ code: 'REDIS_DENIED', exitCode: 4 });
  });

  test('a Redis that is full stops enqueueing with a clear error; run again, it completes', async () => {
    await redis.redis.config('SET', 'maxmemory', '1');
    await expect(rig.enqueue()).rejects.toMatchObject({ code: 'REDIS_FULL', exitCode: 4 });
    await redis.redis.config('SET', 'maxmemory', '0');
    const { run } = await rig.enqueue();
    await rig.drain();
    await checkInvariants(rig.store, run);
  }, 60_000);
});
