import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'bullmq';
import pino from 'pino';
import { describeRedis, type RedisServer, startRedisServer } from '../../../../infra/test/redis-server';
import { ShowtellError } from '../../src/errors';
import { S3Store } from '../../src/object-store/s3';
import { tellControlChange } from '../../src/queue/control-events';
import { openQueues, type RedisServices } from '../../src/queue/open-queues';
import type { JobContext } from '../../src/queue/processor';
import { addTrainJob, jobIds, queueNames, ShardJob } from '../../src/queue/queues';
import { drain, startWorker, type WorkerOptions, workerName } from '../../src/queue/worker';
import { listWorkers, reportWorker } from '../../src/queue/worker-report';
import { Shutdown } from '../../src/shutdown';
import { fail, ORDINARY, startFaultServer } from '../object-store/fault-server';
import { testSettings } from './settings';
import { until } from './until';

describeRedis('a worker', () => {
  let server: RedisServer;
  let services: RedisServices;
  let shutdown: Shutdown;
  const lines: { msg: string; code?: string; level: number }[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) });

  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    lines.length = 0;
    shutdown = new Shutdown(logger);
    services = await openQueues(testSettings(server.url), logger, shutdown);
  });
  afterEach(() => shutdown.run());

  const start = (
    work: (data: ShardJob, context: JobContext<ShardJob>) => Promise<void>,
    more: Partial<WorkerOptions<ShardJob>> = {},
  ): Worker<ShardJob> => {
    const worker = startWorker<ShardJob>({
      settings: services.queues.settings,
      redis: services.redis,
      logger,
      queue: queueNames.ingest,
      schema: ShardJob,
      work,
      maxStalled: 10,
      name: workerName('test'),
      unfit: new AbortController(),
      ...more,
    });
    shutdown.defer('worker', () => drain(worker, 0));
    return worker;
  };
  const add = (shard: number) =>
    services.queues.ingest.add(
      'ingest',
      { run: 'run', shard },
      { jobId: jobIds.shard('run', shard), attempts: 2, backoff: { type: 'fixed', delay: 10 } },
    );
  const state = (shard: number) => services.queues.ingest.getJobState(jobIds.shard('run', shard));

  test('completes jobs, which are then gone', async () => {
    const done: number[] = [];
    start(async ({ shard }) => void done.push(shard), { concurrency: 2 });
    await Promise.all([0, 1, 2].map(add));
    await until(() => done.length === 3);
    await until(async () => (await state(2)) === 'unknown');
    expect(new Set(done)).toEqual(new Set([0, 1, 2]));
  });

  test('loses its lock: the signal aborts, the job runs elsewhere, and LOCK_LOST is logged', async () => {
    const signals: AbortSignal[] = [];
    start(async (_data, { signal }) => {
      signals.push(signal);
      // Only the first run waits; the signal must end it.
      if (signals.length === 1) await sleep(20_000, undefined, { signal });
    });
    await add(0);
    await until(() => signals.length === 1);
    await services.redis.set(`{${services.queues.settings.prefix}}:ingest:run.00000:lock`, 'another worker');
    await until(() => signals[0]!.aborted);
    expect(signals[0]!.reason).toBe('LOCK_LOST');
    await services.redis.del(`{${services.queues.settings.prefix}}:ingest:run.00000:lock`);
    await until(() => signals.length === 2);
    await until(async () => (await state(0)) === 'unknown');
    expect(lines).toContainEqual(expect.objectContaining({ code: 'LOCK_LOST' }));
  }, 15_000);

  test('stops: a job that is quick ends, one that is not goes back, and none is lost or counted as failed', async () => {
    let begun = 0;
    const worker = start(
      async ({ shard }, { signal }) => {
        begun += 1;
        if (shard === 1) await sleep(20_000, undefined, { signal });
        else await sleep(50);
      },
      { concurrency: 2 },
    );
    await Promise.all([0, 1].map(add));
    await until(() => begun === 2);
    await drain(worker, 0.2);
    expect(await state(0)).toBe('unknown');
    const back = await services.queues.ingest.getJob(jobIds.shard('run', 1));
    expect(await back!.getState()).toMatch(/delayed|waiting|prioritized/);
    expect(back!.attemptsMade).toBe(0);
    start(async () => {});
    await until(async () => (await state(1)) === 'unknown');
  });

  test('tells once when a job has failed for good, not when it will be tried again', async () => {
    const failed: unknown[] = [];
    start(() => Promise.reject(new ShowtellError('ENGINE_CRASHED', 'died')), { onGivenUp: async (data) => void failed.push(data) });
    await add(0);
    await until(async () => (await state(0)) === 'failed');
    await until(() => failed.length > 0);
    expect(failed).toEqual([{ run: 'run', shard: 0 }]);
    expect((await services.queues.ingest.getJob('run.00000'))!.failedReason).toBe('ENGINE_CRASHED: died');
  });

  test('a store that is away costs a job no attempt, however long: it waits, others rest, and it is done when the store is back', async () => {
    const s3 = await startFaultServer((_request, response) => fail(response, 503, 'SlowDown'));
    const store = new S3Store('bucket', '', {
      endpoint: s3.endpoint,
      deadlineMs: 200,
      attemptMs: 100,
      credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
    });
    let begun = 0;
    try {
      start(async (_data, { signal }) => {
        begun += 1;
        await store.put('part', Buffer.from('x'), { signal });
      });
      await add(0);
      await until(() => begun === 3);
      s3.fault = () => ORDINARY;
      await until(async () => (await state(0)) === 'unknown');
    } finally {
      await store.close();
      await s3.stop();
    }
    // More than its two attempts.
    expect(begun).toBeGreaterThan(2);
    expect(s3.objects.get('part')?.toString()).toBe('x');
    const told = lines.filter(({ msg }) => msg.startsWith('what a job needs is away'));
    expect(told.length).toBeGreaterThan(0);
    expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
  }, 30_000);

  test('a Redis that is full costs a job no attempt either', async () => {
    let begun = 0;
    start(async () => {
      begun += 1;
      if (begun === 1) await services.redis.config('SET', 'maxmemory', '1');
      await services.redis.set(`{${services.queues.settings.prefix}}:pixels`, 'x', 'PX', 1_000);
    });
    await add(0);
    await until(async () => begun === 1 && (await state(0)) === 'delayed');
    const waiting = (await services.queues.ingest.getJob(jobIds.shard('run', 0)))!;
    expect(waiting).toMatchObject({ attemptsMade: 0, attemptsStarted: 1 });
    await services.redis.config('SET', 'maxmemory', '0');
    await until(async () => (await state(0)) === 'unknown');
  }, 30_000);

  test('is told when BullMQ failed a job whose workers died too often, without running it', async () => {
    const failed: unknown[] = [];
    const work = jest.fn<Promise<void>, []>();
    await add(0);
    // As BullMQ leaves a job that stalled too often: back in waiting, with the verdict.
    await services.redis.hset(`{${services.queues.settings.prefix}}:ingest:run.00000`, 'defa', 'job stalled more than allowable limit');
    start(work, { onGivenUp: async (data) => void failed.push(data) });
    await until(() => failed.length === 1);
    expect(work).not.toHaveBeenCalled();
  });

  test('shows itself by name, with what it reports', async () => {
    const worker = start(async () => {}, { name: workerName('cüda 0') });
    await worker.waitUntilReady();
    shutdown.defer(
      'report',
      reportWorker({
        queues: services.queues,
        name: workerName('cüda 0'),
        stage: 'encoder',
        device: () => 'cuda',
        images: () => 7,
        jobs: () => [{ run: 'run', shard: 3 }],
      }),
    );
    await until(async () => (await listWorkers(services.queues, services.queues.ingest)).length === 1);
    expect(await listWorkers(services.queues, services.queues.ingest)).toEqual([
      {
        name: workerName('c-da-0'),
        stage: 'encoder',
        device: 'cuda',
        images: 7,
        rate: expect.any(Number) as number,
        jobs: [{ run: 'run', shard: 3 }],
        silentSeconds: expect.any(Number) as number,
      },
    ]);
  });

  test('leaves a job whose run an operator has cancelled: it is gone, not failed, and what it held is given back', async () => {
    const begun: number[] = [];
    const givenUp: unknown[] = [];
    const cancelled = new Set<number>();
    const atWork = new Map<string, ShardJob>();
    const worker = start(
      async ({ shard }, { signal }) => {
        begun.push(shard);
        await sleep(20_000, undefined, { signal });
      },
      {
        concurrency: 2,
        atWork,
        isCancelled: async ({ shard }) => cancelled.has(shard),
        onGivenUp: async (data) => void givenUp.push(data),
      },
    );
    await worker.waitUntilReady();
    await Promise.all([0, 1].map(add));
    await until(() => begun.length === 2);
    expect([...atWork.values()].map(({ shard }) => shard).sort((a, b) => a - b)).toEqual([0, 1]);
    cancelled.add(1);
    await until(async () => {
      // The worker may not listen yet when it is told for the first time.
      await tellControlChange(services.queues, 'run');
      return (await state(1)) === 'unknown';
    });
    expect(givenUp).toEqual([{ run: 'run', shard: 1 }]);
    expect(await state(0)).toBe('active');
    expect([...atWork.values()]).toEqual([{ run: 'run', shard: 0 }]);
  });

  describe('whom Redis does not let work', () => {
    /** Connections of a user that may do everything but these commands. */
    const without = async (commands: string[]) => {
      await services.redis.acl('SETUSER', 'other', 'reset', 'on', 'nopass', '~*', '&*', '+@all', ...commands.map((name) => `-${name}`));
      return openQueues(testSettings(server.url.replace(/\/\/(.*@)?/, '//other:any@')), logger, shutdown);
    };

    test('is told so, and takes no job', async () => {
      const unfit = new AbortController();
      const { redis } = await without(['eval', 'evalsha']);
      start(async () => {}, { redis, unfit });
      await until(() => unfit.signal.aborted);
      expect(unfit.signal.reason).toMatchObject({ code: 'REDIS_DENIED', message: expect.stringContaining('NOPERM') as string });
      await add(0);
      expect(await state(0)).toBe('waiting');
    });

    test('hands back a job in which it meets that, for others to do', async () => {
      const unfit = new AbortController();
      const { redis } = await without(['lastsave']);
      start(async () => void (await redis.lastsave()), { unfit });
      await add(0);
      await until(() => unfit.signal.aborted);
      await until(async () => (await state(0)) === 'delayed');
      expect(unfit.signal.reason).toMatchObject({ code: 'REDIS_DENIED' });
    });
  });

  test('pauses when Redis is full instead of asking again and again', async () => {
    let times = 0;
    // Without a stalled check in between, which BullMQ would follow up for five seconds.
    const worker = start(async () => void (times += 1), { settings: { ...services.queues.settings, stalledSeconds: 600 } });
    await worker.waitUntilReady();
    await services.redis.config('SET', 'maxmemory', '1');
    await sleep(1_500);
    const troubles = lines.filter(({ level }) => level >= 50).length;
    await services.redis.config('SET', 'maxmemory', '0');
    expect(troubles).toBeLessThanOrEqual(3);
    await add(0);
    await until(() => times === 1);
  }, 15_000);

  test('a train job is added unless one is live', async () => {
    expect(await addTrainJob(services.queues, { training: 'fit' })).toBe(true);
    expect(await addTrainJob(services.queues, { training: 'fit' })).toBe(false);
    expect(await services.queues.train.getJobCountByTypes('waiting')).toBe(1);
  });
});
