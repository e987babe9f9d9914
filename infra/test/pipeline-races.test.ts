import { join } from 'node:path';
import { type EncodeServices, encodeShard } from '@showtell/encoder-worker/encode-shard';
import type { EncoderEngine } from '@showtell/encoder-worker/encoder/engines/engine';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { EngineKeeper } from '@showtell/encoder-worker/engine-keeper';
import { finalizeRun } from '@showtell/ingest/finalize';
import { type StreamServices, streamShard } from '@showtell/ingest/stream-shard';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { ShowtellError } from '@showtell/shared/errors';
import { prepare } from '@showtell/shared/image/prepare';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import { PixelKey } from '@showtell/shared/pixel-key';
import { PlannedRuns, readCommit, readPlannedRun } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import type { JobContext } from '@showtell/shared/queue/processor';
import { jobIds, type RunJob, type ShardJob } from '@showtell/shared/queue/queues';
import { CONTROL_FORMAT } from '@showtell/shared/schema/control';
import { encodeRecord } from '@showtell/shared/schema/record';
import { Shutdown } from '@showtell/shared/shutdown';
import { openSource } from '@showtell/shared/source/open';
import { DelayedError } from 'bullmq';
import pino from 'pino';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

const context = <T>(signal = new AbortController().signal, stalledCounter = 0) =>
  ({ job: { opts: {}, attemptsMade: 0, stalledCounter }, token: 'token', signal }) as JobContext<T>;

describeRedis('two that do the same', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  let engine: EncoderEngine;
  const logger = pino({ level: 'silent' });
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    rig = await pipelineRig(server.url);
    shutdown = new Shutdown();
    redis = await openQueues(rig.settings, logger, shutdown);
    engine = await openEngine({ weights: rig.weightsFile, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 });
  });
  afterEach(async () => {
    await engine.close();
    await rig.close();
    await shutdown.run();
  });

  const services = (worker: string, more: Partial<EncodeServices> = {}): EncodeServices => ({
    store: rig.store,
    runs: new PlannedRuns(rig.store),
    pixelKey: new PixelKey(rig.store),
    pixels: redis.pixels,
    window: redis.window,
    engines: new EngineKeeper(async () => engine),
    precision: 'float32',
    logger,
    worker,
    downloads: 4,
    onEncoded: () => {},
    ...more,
  });
  const encode = (run: string, shard: number, own: EncodeServices, signal?: AbortSignal) =>
    encodeShard({ run, shard }, context<ShardJob>(signal), own);
  const ingest = (): StreamServices => ({
    ...redis,
    store: rig.store,
    runs: new PlannedRuns(rig.store),
    pixelKey: new PixelKey(rig.store),
    logger,
    downloads: 4,
    onPrepared: () => {},
  });
  const finalize = (run: string) =>
    finalizeRun({ run }, context<RunJob>(), {
      store: rig.store,
      queues: redis.queues,
      runs: new PlannedRuns(rig.store),
      logger,
    });

  test('encode a shard: both are done, one has committed it', async () => {
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:24' });
    for (let shard = 0; shard < shards.planned; shard++)
      await Promise.all(['one', 'two', 'three'].map((worker) => encode(run, shard, services(worker))));
    await finalize(run);
    const checked = await checkInvariants(rig.store, run);
    expect(checked.shardSha256s).toHaveLength(shards.planned);
  });

  test('finalize a run: one manifest, also afterwards', async () => {
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:24' });
    for (let shard = 0; shard < shards.planned; shard++) await encode(run, shard, services('one'));
    await Promise.all([1, 2, 3, 4].map(() => finalize(run)));
    await finalize(run);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
  });

  test('a finalizer finds a lost job also behind hundreds of others, and has it added', async () => {
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:900', shardRows: 1 });
    expect(shards.planned).toBeGreaterThan(600);
    const last = jobIds.shard(run, shards.planned - 1);
    await redis.queues.ingest.remove(last);
    let data: RunJob = { run };
    const job = { updateData: async (next: RunJob) => void (data = next), moveToDelayed: async () => {} };
    const look = () => finalizeRun(data, { ...context<RunJob>(), job: job as never }, { ...services('one'), queues: redis.queues });
    await expect(look()).rejects.toBeInstanceOf(DelayedError);
    expect(data).toMatchObject({ lost: 1 });
    expect(await redis.queues.ingest.getJobState(last)).toBe('unknown');
    await expect(look()).rejects.toBeInstanceOf(DelayedError);
    expect(await redis.queues.ingest.getJobState(last)).toBe('prioritized');
  });

  test('fault 16 [file] an answer that got lost is read from the record: success', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    /** Applies the first put-if-absent, then tells that something was there: what a retried request sees. */
    class LostAnswer extends FileStore {
      override async putIfAbsent(...args: Parameters<FileStore['putIfAbsent']>): Promise<{ readonly created: false }> {
        await super.putIfAbsent(...args);
        return { created: false };
      }
    }
    await encode(run, 0, services('one', { store: new LostAnswer(join(rig.folder, 'store')) }));
    expect(await readCommit(rig.store, run, 0)).toMatchObject({ execution: { worker: 'one' } });
  });

  test('with another encoder: MIXED_ENCODER names both, and the record there stays', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    await encode(run, 0, services('one'));
    const record = (await readCommit(rig.store, run, 0))!;
    const other = encodeRecord({ ...record, encoder: { ...record.encoder, preprocessing: 'another-v9' } });
    await rig.store.delete(keys.commit(run, 0));
    // It comes in between: not there when the job begins, there when it commits.
    class TooLate extends FileStore {
      override async putIfAbsent(...args: Parameters<FileStore['putIfAbsent']>) {
        await super.putIfAbsent(keys.commit(run, 0), other);
        return super.putIfAbsent(...args);
      }
    }
    await expect(encode(run, 0, services('two', { store: new TooLate(join(rig.folder, 'store')) }))).rejects.toMatchObject({
      code: 'MIXED_ENCODER',
      message: expect.stringMatching(/centre-square.*another-v9/s) as string,
    });
    expect((await rig.store.get(keys.commit(run, 0)))!.body).toEqual(other);
  });

  test('a worker of another precision refuses before it encodes', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    await expect(encode(run, 0, services('one', { precision: 'int8' }))).rejects.toMatchObject({ code: 'MIXED_ENCODER' });
  });

  test('a shard on which workers died goes past ingest without pixels, is prepared in a process of its own, and is the same', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    await encode(run, 0, services('one'));
    const before = (await readCommit(rig.store, run, 0))!;
    await rig.store.delete(keys.commit(run, 0));

    const { store } = rig;
    await streamShard({ run, shard: 0 }, context<ShardJob>(undefined, 2), ingest());
    expect(await redis.queues.encode('float32').getJobState(jobIds.shard(run, 0))).toBe('prioritized');
    expect(await redis.redis.keys('*:pixels:*')).toEqual([]);
    expect(await redis.window.reserved()).toBe(0);

    await encodeShard({ run, shard: 0 }, context<ShardJob>(undefined, 2), services('two'));
    const after = (await readCommit(store, run, 0))!;
    expect(after.execution.worker).toBe('two');
    expect(after.sha256).toBe(before.sha256);
  });

  test('an ingest job that finds its shard committed, or its run paused, gives back the room that it took before', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const { store } = rig;
    const begin = async (shard: number) => {
      await redis.window.reserve('float32', run, shard, 1_000);
      await streamShard({ run, shard }, context<ShardJob>(), ingest());
    };
    await encode(run, 0, services('one'));
    await begin(0);
    await store.put(keys.control(run), encodeRecord({ formatVersion: CONTROL_FORMAT, state: 'paused' }));
    await begin(1);
    expect(await redis.window.reserved()).toBe(0);
    expect(await redis.queues.encode('float32').getJobCountByTypes('waiting', 'prioritized')).toBe(0);
  });

  test('a shard whose last picture kills the engine is committed without it', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const part = (await readPlannedRun(rig.store, run))!.plan.shards[0]!;
    const last = decodePlanRows(await readPart(rig.store, part), part.key).at(-1)!;
    const source = openSource({ kind: 'synthetic', url: 'synthetic:24' });
    const { pixels: deadly } = await prepare(await source.read(last));
    const engines = new EngineKeeper(async () => ({
      ...engine,
      encode: async (pixels, count) => {
        if (Buffer.from(pixels).includes(deadly)) throw new ShowtellError('ENGINE_CRASHED', 'died of it');
        return engine.encode(pixels, count);
      },
      close: async () => {},
    }));
    await encode(run, 0, services('one', { engines }));
    expect(await readCommit(rig.store, run, 0)).toMatchObject({
      rows: part.rows - 1,
      rejected: [{ imageId: last.imageId, code: 'CRASHED_WORKER' }],
      execution: { engine: 'onnx', device: 'cpu' },
    });
  });

  test('nothing is written after the signal', async () => {
    const { run } = await rig.enqueue({ dataset: 'synthetic:24' });
    const stop = new AbortController();
    const written: string[] = [];
    class Watched extends FileStore {
      override async put(...args: Parameters<FileStore['put']>) {
        written.push(args[0]);
        return super.put(...args);
      }
      override async putIfAbsent(...args: Parameters<FileStore['putIfAbsent']>) {
        written.push(args[0]);
        return super.putIfAbsent(...args);
      }
    }
    let images = 0;
    const own = services('one', {
      store: new Watched(join(rig.folder, 'store')),
      onEncoded: (count) => {
        images += count;
        stop.abort('LOCK_LOST');
      },
    });
    await expect(encode(run, 0, own, stop.signal)).rejects.toBe('LOCK_LOST');
    expect(images).toBeGreaterThan(0);
    expect(written).toEqual([]);
  });
});
