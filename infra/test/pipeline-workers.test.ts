import { cancelRun, pauseRun } from '@showtell/ingest/admin/halt';
import { runStatus } from '@showtell/ingest/admin/status';
import { listCommitted } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../packages/shared/test/queue/until';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';
import { startWorkerProgram, type WorkerProgram, type WorkerProgramOptions } from './worker-program';

const EXITED_WELL = { code: 0, signal: null };

describeRedis('workers that come and go', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  const logger = pino({ level: 'silent' });
  const programs: WorkerProgram[] = [];
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    rig = await pipelineRig(server.url, { logLevel: 'info' });
    shutdown = new Shutdown();
    redis = await openQueues(rig.settings, logger, shutdown, true);
  });
  afterEach(async () => {
    for (const { child, exit } of programs.splice(0)) {
      child.kill('SIGKILL');
      await exit;
    }
    await rig.close();
    await shutdown.run();
  });

  const start = (stage: 'ingest' | 'encoder', options?: WorkerProgramOptions): WorkerProgram => {
    const program = startWorkerProgram(rig, stage, options);
    programs.push(program);
    return program;
  };

  test('--once: two of each drain the queues and exit with 0; with nothing to do they end, too', async () => {
    const { run, shards } = await rig.enqueue();
    const workers = (['ingest', 'ingest', 'encoder', 'encoder'] as const).map((stage) => start(stage, { args: ['--once'] }));
    for (const worker of workers) expect({ ...(await worker.exit), said: worker.said() }).toMatchObject(EXITED_WELL);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    expect((await listCommitted(rig.store, run)).size).toBe(shards.planned);
    await Promise.all(allOnce());
  }, 60_000);

  /** Two of each; inside this process they share nothing either but Redis and the store. */
  const allOnce = () => [1, 2].flatMap(() => [rig.ingest({ once: true }).done, rig.encoder({ once: true }).done]);

  test('--once of several ends when a run is stuck, whichever of them has seen it', async () => {
    const { run } = await rig.enqueue();
    // Nobody can read what is to be encoded.
    for await (const { key } of rig.store.list(`runs/${run}/plan/`)) await rig.store.delete(key);
    await Promise.all(allOnce());
    expect(await runStatus(rig.store, redis.queues, run)).toMatchObject({ state: 'failed', shards: { committed: 0, failed: 5 } });
    expect(rig.log.filter(({ code }) => code === 'RUN_STUCK')).toHaveLength(1);
  }, 60_000);

  test.each([
    ['paused', pauseRun],
    ['cancelled', cancelRun],
  ] as const)(
    '--once ends when its run is %s meanwhile',
    async (state, halt) => {
      const { run, shards } = await rig.enqueue({ dataset: 'synthetic:120' });
      const workers = allOnce();
      await until(async () => (await listCommitted(rig.store, run)).size >= 2, 30_000);
      await halt({ ...redis, store: rig.store, run, logger });
      await Promise.all(workers);
      expect(await runStatus(rig.store, redis.queues, run)).toMatchObject({ state, shards: { failed: 0 } });
      expect((await listCommitted(rig.store, run)).size).toBeLessThan(shards.planned);
      expect((await redis.redis.keys(`{${rig.settings.prefix}}:*`)).filter((key) => /pixels|window/.test(key))).toEqual([]);
    },
    60_000,
  );
});
