import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { addTrainJob, jobIds } from '@showtell/shared/queue/queues';
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

  test('freezes the training that a run asked for', async () => {
    await addTrainJob(services.queues, { training: 'asked', request: { run: 'absent', preset: 'seed' } });
    await serve(new Shutdown(logger));
    expect(await state('asked')).toBe('failed');
    expect((await services.queues.train.getJob(jobIds.train('asked')))!.failedReason).toMatch(/^NOT_FOUND: No run "absent"/);
    await addTrainJob(services.queues, { training: 'asked', request: { run: 'tiny', preset: 'seed' } });
    const shutdown = new Shutdown(logger);
    const served = serve(shutdown, false);
    await until(async () => (await services.queues.train.getJob(jobIds.train('asked')))!.progress !== 0);
    await shutdown.run();
    await served;
    expect(await readTraining(store, 'asked')).toMatchObject({
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
