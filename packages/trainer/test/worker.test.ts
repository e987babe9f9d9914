import { keys } from '@showtell/shared/keys';
import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { addTrainJob, jobIds } from '@showtell/shared/queue/queues';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { RunRecord } from '@showtell/shared/schema/run';
import { Shutdown } from '@showtell/shared/shutdown';
import { QueueEvents } from 'bullmq';
import pino from 'pino';
import { describeRedis, type RedisServer, startRedisServer } from '../../../infra/test/redis-server';
import { testSettings } from '../../shared/test/queue/settings';
import { until } from '../../shared/test/queue/until';
import { enqueueTraining } from '../src/admin/enqueue-training';
import { newestCheckpoint } from '../src/checkpoint/checkpoints';
import { Lease } from '../src/checkpoint/lease';
import { readDone } from '../src/train/done';
import type { TrainEvent } from '../src/train/events';
import { readTraining } from '../src/train/freeze';
import { runTrainerWorker } from '../src/worker';
import { openFileStore, temporaryFolder } from './temporary-store';
import { TINY, writeTinyRun } from './tiny-run';

const ENDS_IN_SEED: RunRecord = {
  formatVersion: 1,
  run: 'tiny',
  source: { kind: 'coco', url: 'file:///photos' },
  splits: [],
  encoder: 'inception-v3',
  weights: 'bundled',
  weightsSha256: '0'.repeat(64),
  dimension: 8,
  preprocessing: 'none',
  precision: 'float32',
  shardRows: 3,
  microBatch: 2,
  strict: false,
  train: 'seed',
};

describeRedis('a trainer worker', () => {
  const folder = temporaryFolder();
  const store = openFileStore(folder.path);
  const logger = pino({ level: 'silent' });
  let server: RedisServer;
  let services: RedisServices;
  let opened: Shutdown;

  beforeAll(async () => {
    [server] = await Promise.all([startRedisServer(), writeTinyRun(store)]);
    opened = new Shutdown(logger);
    services = await openQueues(testSettings(server.url), logger, opened);
  });
  afterAll(async () => {
    await opened.run();
    await server.stop();
    await store.close();
    folder.remove();
  });

  const serve = (shutdown: Shutdown, once = true) =>
    runTrainerWorker({ settings: services.queues.settings, store, logger, threads: 1, once, shutdown });
  const request = (training: string, hyperparameters = {}) => ({
    runs: ['tiny'],
    preset: 'seed',
    training,
    hyperparameters: { ...TINY, ...hyperparameters },
  });
  const state = (training: string) => services.queues.train.getJobState(jobIds.train(training));

  test('trains what is enqueued, tells its progress, and finds it done the next time', async () => {
    const events: TrainEvent[] = [];
    const queueEvents = new QueueEvents('train', { connection: { url: server.url }, prefix: redisPrefix(services.queues.settings) });
    queueEvents.on('progress', ({ data }) => events.push(data as unknown as TrainEvent));
    await queueEvents.waitUntilReady();
    expect(await enqueueTraining(store, services.queues, request('first'))).toMatchObject({ created: true, added: true });
    expect(await enqueueTraining(store, services.queues, request('first'))).toMatchObject({
      created: false,
      added: false,
      done: undefined,
    });
    await serve(new Shutdown(logger));
    expect(await readDone(store, 'first')).toMatchObject({ outcome: 'completed', epoch: 3 });
    expect(await state('first')).toBe('completed');
    await until(() => events.some(({ event }) => event === 'end'));
    await queueEvents.close();
    expect(events.filter(({ event }) => event === 'epoch')).toHaveLength(3);
    expect(await enqueueTraining(store, services.queues, request('first'))).toMatchObject({ added: false, done: { outcome: 'completed' } });
  });

  test('freezes the training that a run was enqueued to end in, and no other', async () => {
    await store.put(keys.runJson('tiny'), encodeRecord(ENDS_IN_SEED));
    const wrong = [
      ['tiny-seed', 'absent'],
      ['another', 'tiny'],
      ['tiny-show-and-tell', 'tiny'],
    ] as const;
    for (const [training, run] of wrong) await addTrainJob(services.queues, { training, run });
    await serve(new Shutdown(logger));
    for (const [training, run] of wrong) {
      const { failedReason } = (await services.queues.train.getJob(jobIds.train(training)))!;
      expect(failedReason).toBe(`NOT_FOUND: The run ${run} was not enqueued to end in a training ${training}`);
      expect(await store.head(keys.trainingJson(training))).toBeUndefined();
    }
    await addTrainJob(services.queues, { training: 'tiny-seed', run: 'tiny' });
    const shutdown = new Shutdown(logger);
    const served = serve(shutdown, false);
    await until(async () => (await services.queues.train.getJob(jobIds.train('tiny-seed')))!.progress !== 0);
    await shutdown.run();
    await served;
    expect(await readTraining(store, 'tiny-seed')).toMatchObject({
      trainSplits: [{ run: 'tiny', split: 'train' }],
      hyperparameters: { units: 300 },
    });
    await services.queues.train.obliterate({ force: true });
  });

  test('told to stop, it saves and gives the job back; another one goes on', async () => {
    await enqueueTraining(store, services.queues, request('stopped', { epochs: 400 }));
    const shutdown = new Shutdown(logger);
    const served = serve(shutdown, false);
    await until(async () => (await newestCheckpoint(store, 'stopped')) !== undefined);
    await shutdown.run();
    await served;
    expect(await state('stopped')).toMatch(/delayed|waiting|prioritized/);
    const step = (await newestCheckpoint(store, 'stopped'))!.record.step;
    const second = new Shutdown(logger);
    const again = serve(second, false);
    await until(async () => (await newestCheckpoint(store, 'stopped'))!.record.step > step);
    await second.run();
    await again;
    expect((await newestCheckpoint(store, 'stopped'))!.record.leaseEpoch).toBe(2);
    await services.queues.train.obliterate({ force: true });
  });

  test('a training that another process holds is looked at again later', async () => {
    await enqueueTraining(store, services.queues, request('held'));
    const lease = await Lease.acquire(store, 'held', { holder: 'somebody', leaseSeconds: 0.5 });
    const shutdown = new Shutdown(logger);
    const served = serve(shutdown);
    await until(async () => (await state('held')) === 'delayed');
    expect(await readDone(store, 'held')).toBeUndefined();
    await lease.release();
    await served;
    expect(await readDone(store, 'held')).toMatchObject({ outcome: 'completed' });
  });

  test('a training that diverges fails its job for good', async () => {
    await enqueueTraining(store, services.queues, request('wild', { learningRate: TINY.learningRate! * 1e6 }));
    await serve(new Shutdown(logger));
    expect(await state('wild')).toBe('failed');
    const job = await services.queues.train.getJob(jobIds.train('wild'));
    expect(job!.failedReason).toMatch(/^DIVERGED: .* at step \d+/);
    expect(job!.attemptsMade).toBe(1);
  });
});
