import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { followRun } from '@showtell/cli/status/follow-run';
import type { EngineDescription } from '@showtell/encoder-worker/encoder/engines/engine';
import type { EngineProcesses } from '@showtell/encoder-worker/engine-process';
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import { addJobs } from '@showtell/ingest/admin/add-jobs';
import { changeControl } from '@showtell/ingest/admin/change-control';
import { dequeue } from '@showtell/ingest/admin/dequeue';
import { cancelRun, pauseRun } from '@showtell/ingest/admin/halt';
import { resumeRun } from '@showtell/ingest/admin/resume';
import { setPriority } from '@showtell/ingest/admin/set-priority';
import { runStatus } from '@showtell/ingest/admin/status';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { keys } from '@showtell/shared/keys';
import { listCommitted, type PlannedRun, readControlRecord, readPlannedRun } from '@showtell/shared/planned-run';
import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { hastenFinalize, isLive, jobIds, LIVE_STATES } from '@showtell/shared/queue/queues';
import { withRunLock } from '@showtell/shared/queue/run-lock';
import { Shutdown } from '@showtell/shared/shutdown';
import { type Job, Worker } from 'bullmq';
import pino from 'pino';
import { narrowWeights } from '../../packages/encoder-worker/test/narrow-weights';
import { until } from '../../packages/shared/test/queue/until';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

const DESCRIPTION: EngineDescription = {
  engine: 'gated',
  provider: 'none',
  device: 'cpu',
  deviceName: 'none',
  precision: 'float32',
  threads: 1,
  versions: {},
};

/** An encoder that encodes once it is let. */
class Gate {
  #open = false;
  #waiting: (() => void)[] = [];
  get waiting(): number {
    return this.#waiting.length;
  }
  open(): void {
    this.#open = true;
    for (const go of this.#waiting.splice(0)) go();
  }
  close(): void {
    this.#open = false;
  }
  processes(dimension: number): EngineProcesses {
    return {
      probe: async () => DESCRIPTION,
      start: async () => ({
        description: DESCRIPTION,
        side: 299,
        dimension,
        encode: async (_pixels, count) => {
          if (!this.#open) await new Promise<void>((resolve) => this.#waiting.push(resolve));
          return new Float32Array(count * dimension).fill(0.5);
        },
        close: async () => {},
      }),
    };
  }
}

for (const pixelWindow of [0, undefined])
  describeRedis(`an operator steers runs, with ${pixelWindow === 0 ? 'no pixels' : 'pixels'} in Redis`, () => {
    const logger = pino({ level: 'silent' });
    let server: RedisServer;
    let rig: PipelineRig;
    let redis: RedisServices;
    let shutdown: Shutdown;
    let gate: Gate;
    beforeAll(async () => {
      server = await startRedisServer();
    });
    afterAll(() => server.stop());
    beforeEach(async () => {
      rig = await pipelineRig(server.url, pixelWindow === undefined ? {} : { pixelWindow });
      shutdown = new Shutdown(logger);
      redis = await openQueues(rig.settings, logger, shutdown);
      gate = new Gate();
    });
    afterEach(async () => {
      gate.open();
      await shutdown.run();
      await rig.close();
    });

    const services = () => ({ ...redis, store: rig.store, logger });
    const encode = () => redis.queues.encode('float32');
    /** An encoder worker with the gate for an engine. */
    const encoder = () => {
      const own = new Shutdown(logger);
      shutdown.defer('encoder', () => own.run());
      const { settings, store, folder } = rig;
      const cacheFolder = join(folder, 'weights');
      const processes = gate.processes(narrowWeights(1).dimension);
      const common = { settings, store, logger, cacheFolder, processes, shutdown: own };
      runEncoderWorker({ ...common, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 }).catch(() => {});
    };
    /** A run with a shard in the encoder's hands and others on their way. */
    const begin = async (run = 'one', more: Parameters<PipelineRig['enqueue']>[0] = {}): Promise<PlannedRun> => {
      await rig.enqueue({ dataset: 'synthetic:28', run, shardRows: 3, microBatch: 3, ...more });
      return (await readPlannedRun(rig.store, run))!;
    };
    const beginEncoding = async (run = 'one') => {
      const planned = await begin(run);
      rig.ingest();
      encoder();
      await until(() => gate.waiting > 0);
      // All of it has been handed on, or as much as the window holds.
      await until(async () => (await redis.queues.ingest.getJobCountByTypes(...LIVE_STATES)) === 0);
      return planned;
    };
    const state = async (run = 'one') => (await runStatus(rig.store, redis.queues, run)).state;
    const committed = async (run = 'one') => (await listCommitted(rig.store, run)).size;
    const nothingLeft = async () => {
      for (const queue of [redis.queues.ingest, encode(), redis.queues.finalize])
        expect(await queue.getJobCountByTypes(...LIVE_STATES, 'failed')).toBe(0);
      expect(await redis.window.reserved()).toBe(0);
      expect((await redis.redis.keys(`*${rig.settings.prefix}*:pixels:*`)).length).toBe(0);
    };
    const idle = () => until(async () => (await encode().getActiveCount()) + (await redis.queues.finalize.getActiveCount()) === 0);
    const complete = async (run = 'one') => {
      await until(async () => (await state(run)) === 'complete');
      await idle();
      await checkInvariants(rig.store, run);
    };

    test('paused: what waits is taken out, what is encoded is finished; resumed: it goes on', async () => {
      const run = await beginEncoding();
      const paused = await pauseRun({ ...services(), run: run.name });
      expect(paused).toEqual({ run: 'one', state: 'paused', before: 'running', removed: run.plan.shards.length - 1, active: 1 });
      expect(await state()).toBe('paused');
      expect(await committed()).toBe(0);
      gate.open();
      await until(async () => (await committed()) === 1);
      await idle();
      await nothingLeft();
      // Enqueueing it again changes nothing, nor does a finalizer that is late.
      expect(await rig.enqueue({ dataset: 'synthetic:28', run: 'one', shardRows: 3, microBatch: 3 })).toMatchObject({
        state: 'paused',
        shards: { planned: run.plan.shards.length, committed: 1, added: 0 },
      });
      await nothingLeft();

      expect(await resumeRun({ ...services(), run: 'one' })).toMatchObject({
        before: 'paused',
        shards: { committed: 1, added: run.plan.shards.length - 1 },
      });
      await complete();
      await nothingLeft();
    }, 30_000);

    test('cancelled: what is encoded is dropped, and leaves no failed job; resumed: it goes on', async () => {
      const run = await beginEncoding();
      const { removed, active, ...cancelled } = await cancelRun({ ...services(), run: run.name });
      expect(cancelled).toEqual({ run: 'one', state: 'cancelled', before: 'running' });
      // An encoder that hears of it drops what it has, and may come to the next one before that is taken out.
      expect(removed).toBeGreaterThanOrEqual(run.plan.shards.length - 2);
      expect(removed + active).toBeLessThanOrEqual(run.plan.shards.length);
      // By the abort event, since the engine is still shut.
      await idle();
      await nothingLeft();
      expect([await state(), await committed()]).toEqual(['cancelled', 0]);

      gate.open();
      await resumeRun({ ...services(), run: 'one' });
      await complete();
      await nothingLeft();
    }, 30_000);

    test('cancelled while nobody hears it: encoder, what waits and finalizer read the word themselves, and nothing more is written', async () => {
      await beginEncoding();
      await changeControl(rig.store, 'one', (current) => ({ ...current, state: 'cancelled' }));
      gate.open();
      await until(async () => (await encode().getJobCountByTypes(...LIVE_STATES)) === 0);
      expect(await committed()).toBe(0);
      await until(async () => {
        await hastenFinalize(redis.queues, 'one');
        return (await redis.queues.finalize.getJobCountByTypes(...LIVE_STATES)) === 0;
      });
      await nothingLeft();
    }, 30_000);

    test('the other run goes on', async () => {
      await beginEncoding('one');
      await begin('two');
      await pauseRun({ ...services(), run: 'one' });
      gate.open();
      await complete('two');
      expect(await state('one')).toBe('paused');
      await cancelRun({ ...services(), run: 'one' });
      expect(await state('one')).toBe('cancelled');
      await nothingLeft();
    }, 30_000);
  });

describeRedis('an operator’s word', () => {
  const logger = pino({ level: 'silent' });
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  beforeAll(async () => {
    server = await startRedisServer();
    rig = await pipelineRig(server.url);
    shutdown = new Shutdown(logger);
    redis = await openQueues(rig.settings, logger, shutdown);
  });
  afterAll(async () => {
    await shutdown.run();
    await rig.close();
    await server.stop();
  });
  const services = () => ({ ...redis, store: rig.store, logger });
  const enqueue = async (run: string, more: Parameters<PipelineRig['enqueue']>[0] = {}) => {
    await rig.enqueue({ dataset: 'synthetic:28', run, shardRows: 3, microBatch: 3, ...more });
    return (await readPlannedRun(rig.store, run))!;
  };
  const counts = async (run: string) => {
    const ids = await redis.queues.ingest.getRanges(['prioritized'], 0, -1);
    return ids.filter((id) => id.startsWith(`${run}.`)).length;
  };

  test('may be repeated, and mends what a killed command left half-done', async () => {
    const run = await enqueue('again');
    const all = run.plan.shards.length;
    // Killed between the word and the jobs.
    await changeControl(rig.store, 'again', (current) => ({ ...current, state: 'paused' }));
    expect(await counts('again')).toBe(all);
    expect(await pauseRun({ ...services(), run: 'again' })).toMatchObject({ before: 'paused', removed: all, active: 0 });
    expect(await pauseRun({ ...services(), run: 'again' })).toMatchObject({ before: 'paused', removed: 0 });
    // Killed in the middle of taking jobs out, and of adding them.
    await changeControl(rig.store, 'again', (current) => ({ ...current, state: 'running' }));
    expect(await resumeRun({ ...services(), run: 'again' })).toMatchObject({ before: 'running', shards: { added: all } });
    await redis.queues.ingest.remove('again.00002');
    expect(await resumeRun({ ...services(), run: 'again' })).toMatchObject({ before: 'running', shards: { added: 1, waiting: all - 1 } });
    await dequeue({ ...services(), run });
    expect(await resumeRun({ ...services(), run: 'again' })).toMatchObject({ shards: { added: all } });
    expect(await counts('again')).toBe(all);
  });

  test('is refused where it makes no sense', async () => {
    await enqueue('known');
    await cancelRun({ ...services(), run: 'known' });
    await expect(pauseRun({ ...services(), run: 'known' })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'The run known is cancelled, so there is nothing to pause',
      hint: 'showtell resume known goes on with it.',
    });
    await expect(pauseRun({ ...services(), run: 'unknown' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(resumeRun({ ...services(), run: '../etc' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const request = (await rig.store.get(keys.runJson('known')))!.body.toString().replace('"known"', '"claimed"');
    await rig.store.put(keys.runJson('claimed'), Buffer.from(request));
    await expect(cancelRun({ ...services(), run: 'claimed' })).rejects.toMatchObject({
      code: 'MISSING_SHARDS',
      message: 'Run claimed has no plan yet',
    });
    const run = (await readPlannedRun(rig.store, 'known'))!;
    await expect(setPriority({ ...services(), run, priority: 101 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'Expected a whole number from 1 to 100 for the priority of the run known but received 101',
    });
  });

  test('who waits for a run waits on while it is paused, and ends once it is cancelled', async () => {
    await enqueue('awaited');
    await pauseRun({ ...services(), run: 'awaited' });
    const seen: string[] = [];
    const ended = followRun({
      store: rig.store,
      queues: redis.queues,
      run: 'awaited',
      signal: shutdown.signal,
      onStatus: (status) => void seen.push(status.state),
    });
    // Longer than it takes to believe that a run is halted.
    await until(() => seen.length > 3);
    await cancelRun({ ...services(), run: 'awaited' });
    await expect(ended).rejects.toMatchObject({
      code: 'RUN_STUCK',
      message: 'The run awaited cannot go on: it is cancelled',
      hint: 'showtell resume awaited goes on with it',
    });
    expect(new Set(seen)).toEqual(new Set(['paused', 'cancelled']));
  }, 30_000);

  test('of two at once neither undoes the other', async () => {
    await Promise.all([
      changeControl(rig.store, 'both', (current) => ({ ...current, state: 'paused' })),
      ...[30, 40, 50].map((priority) => changeControl(rig.store, 'both', (current) => ({ ...current, priority }))),
    ]);
    const { record } = await readControlRecord(rig.store, 'both');
    expect(record.state).toBe('paused');
    expect([30, 40, 50]).toContain(record.priority);
  });

  test('a finalizer that is just leaving a paused run is not taken for that of the resumed one', async () => {
    const { finalize } = redis.queues;
    await enqueue('left');
    const ending = new Worker(finalize.name, null, { connection: redis.redis, prefix: finalize.opts.prefix! });
    try {
      const jobs: Job[] = [];
      for (let job = await ending.getNextJob('test'); job !== undefined; job = await ending.getNextJob('test')) jobs.push(job);
      // It has read that the run is paused.
      await pauseRun({ ...services(), run: 'left' });
      const resumed = resumeRun({ ...services(), run: 'left' });
      await Promise.race([resumed, sleep(1_000)]);
      for (const job of jobs) await job.moveToCompleted(undefined, 'test', false);
      expect(await resumed).toMatchObject({ before: 'paused' });
      expect(isLive(await finalize.getJobState(jobIds.finalize('left')))).toBe(true);
    } finally {
      await ending.close();
    }
  }, 30_000);

  test('paused, a run that waits for room lets go of ingest', async () => {
    // Room for one shard, which another run has and nobody gives back.
    const small = await pipelineRig(server.url, { pixelWindow: 2_000_000 });
    const own = new Shutdown(logger);
    try {
      const opened = await openQueues(small.settings, logger, own);
      const held = 3 * PIXEL_BYTES;
      await opened.window.reserve('float32', 'another', 0, held);
      await small.enqueue({ dataset: 'synthetic:28', run: 'waits', shardRows: 3, microBatch: 3 });
      small.ingest();
      await until(async () => (await opened.queues.ingest.getActiveCount()) === 2);
      expect(await pauseRun({ ...opened, store: small.store, logger, run: 'waits' })).toMatchObject({ active: 2 });
      await until(async () => (await opened.queues.ingest.getJobCountByTypes(...LIVE_STATES)) === 0);
      expect(await opened.window.reserved()).toBe(held);
    } finally {
      await small.close();
      await own.run();
    }
  }, 30_000);

  test('jobs that wait are told of the run that was asked for, however many of others wait', async () => {
    const { ingest } = redis.queues;
    const delayed = async (run: string, shard: number, reason: string) => {
      const job = await ingest.add('ingest', { run, shard }, { jobId: jobIds.shard(run, shard), delay: 600_000 });
      await job.log(reason);
    };
    for (let shard = 0; shard < 40; shard++) await delayed('of-others', shard, 'theirs');
    await enqueue('asked');
    await ingest.remove(jobIds.shard('asked', 4));
    await delayed('asked', 4, 'STORE_UNREACHABLE: no answer');
    const { waiting } = await runStatus(rig.store, redis.queues, 'asked');
    expect(waiting).toEqual([{ shard: 4, reason: 'STORE_UNREACHABLE: no answer' }]);
    await Promise.all([ingest, redis.queues.finalize].map((queue) => queue.obliterate({ force: true })));
  });

  test('of two priorities at once the one that is kept is the one that orders', async () => {
    await Promise.all([redis.queues.ingest, redis.queues.finalize].map((queue) => queue.obliterate({ force: true })));
    await enqueue('beside');
    const run = await enqueue('changed');
    const kept = async () => (await readControlRecord(rig.store, 'changed')).record.priority;
    const { changed } = await withRunLock(redis.redis, redisPrefix(rig.settings), run.name, async () => {
      const first = setPriority({ ...services(), run, priority: 40 });
      await until(async () => (await kept()) === 40);
      await changeControl(rig.store, run.name, (current) => ({ ...current, priority: 5 }));
      return { changed: first };
    });
    await changed;
    const next = (await redis.queues.ingest.getPrioritized(0, 5)).map(({ data }) => data.run);
    expect(next.filter((name) => name === 'changed')).toHaveLength(2);
  });

  test('a priority is kept, and reorders what waits', async () => {
    await Promise.all([redis.queues.ingest, redis.queues.finalize].map((queue) => queue.obliterate({ force: true })));
    const first = await enqueue('first');
    const second = await enqueue('second', { priority: 20 });
    const order = async (count: number) => (await redis.queues.ingest.getPrioritized(0, count - 1)).map(({ data }) => data);
    const share = async (run: string) => (await order(9)).filter((job) => job.run === run).length;
    expect([await share('first'), await share('second')]).toEqual([3, 6]);
    expect(await setPriority({ ...services(), run: first, priority: 40 })).toEqual({
      run: 'first',
      before: 10,
      priority: 40,
      reordered: first.plan.shards.length,
    });
    expect([await share('first'), await share('second')]).toEqual([6, 3]);
    expect((await order(100)).filter(({ run }) => run === 'first').map(({ shard }) => shard)).toEqual(
      first.plan.shards.map(({ shard }) => shard),
    );
    // Enqueueing again says nothing of it, so it stays; but it may.
    await enqueue('first');
    expect((await readControlRecord(rig.store, 'first')).record.priority).toBe(40);
    await enqueue('first', { priority: 10 });
    expect([await share('first'), await share('second')]).toEqual([3, 6]);
    expect((await runStatus(rig.store, redis.queues, 'first')).priority).toBe(10);
    expect((await addJobs({ ...services(), run: second })).waiting).toBe(second.plan.shards.length);
  });
});
