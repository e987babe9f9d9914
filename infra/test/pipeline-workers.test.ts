import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancelRun, pauseRun } from '@showtell/ingest/admin/halt';
import { runStatus } from '@showtell/ingest/admin/status';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted, readCommit } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import sharp from 'sharp';
import { writeCocoFixture } from '../../packages/ingest/test/coco-fixture';
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
  let folder: string;
  const logger = pino({ level: 'silent' });
  const programs: WorkerProgram[] = [];
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-dataset-'));
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
    await rm(folder, { recursive: true });
  });

  const start = (stage: 'ingest' | 'encoder', options?: WorkerProgramOptions): WorkerProgram => {
    const program = startWorkerProgram(rig, stage, options);
    programs.push(program);
    return program;
  };
  const says = (program: WorkerProgram, text: string) => until(() => program.said().includes(text), 30_000);
  const complete = (run: string) => until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
  const encodeJob = (run: string, shard: number) => redis.queues.encode('float32').getJob(jobIds.shard(run, shard));
  /** A run of one shard, which takes a while. */
  const slow = { dataset: 'synthetic:120', shardRows: 512, microBatch: 4 };

  test('fault 5 [file] SIGTERM within the grace period: the shard in hand is finished, the next one not begun', async () => {
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:120', shardRows: 50, microBatch: 4 });
    expect(shards.planned).toBe(2);
    rig.ingest();
    await until(async () => (await redis.queues.encode('float32').count()) === 2, 30_000);
    const encoder = start('encoder', { settings: { drainSeconds: 60 } });
    await says(encoder, 'encoder is ready');
    encoder.child.kill('SIGTERM');
    expect(await encoder.exit).toEqual(EXITED_WELL);
    const [done, ...others] = await listCommitted(rig.store, run);
    expect(others).toEqual([]);
    const left = (await encodeJob(run, 1 - done!))!;
    expect(await left.getState()).toBe('prioritized');
    expect(left).toMatchObject({ attemptsMade: 0, attemptsStarted: 0 });
    await rig.encoder({ once: true }).done;
    await complete(run);
    await checkInvariants(rig.store, run);
  }, 60_000);

  test('fault 5 [file] SIGTERM past it: the shard goes back as it came, and a worker that waits takes it at once', async () => {
    // Their locks would outlast the test: what the other one gets, it gets because it was handed back.
    const settings = { drainSeconds: 0, lockSeconds: 600, stalledSeconds: 600 };
    const both = [start('encoder', { settings }), start('encoder', { settings })];
    for (const encoder of both) await says(encoder, 'encoder worker is ready');
    const { run } = await rig.enqueue(slow);
    rig.ingest();
    const isAtWork = (encoder: WorkerProgram) => encoder.said().includes('encoder is ready');
    await until(() => both.some(isAtWork), 30_000);
    const [first, second] = isAtWork(both[0]!) ? [both[0]!, both[1]!] : [both[1]!, both[0]!];
    first.child.kill('SIGTERM');
    expect(await first.exit).toEqual(EXITED_WELL);
    expect(first.said()).toContain('handed the job back');
    await says(second, 'encoder is ready');
    expect(await encodeJob(run, 0)).toMatchObject({ attemptsMade: 0, stalledCounter: 0 });
    await complete(run);
    await checkInvariants(rig.store, run);
    expect((await readCommit(rig.store, run, 0))!.execution.worker).toContain(`.${second.child.pid}.`);
  }, 60_000);

  test('fault 5 [file] SIGTERM of ingest hands back what it streams, at once; another one ends it', async () => {
    const { run } = await rig.enqueue(slow);
    const first = start('ingest', { settings: { drainSeconds: 60 } });
    await until(async () => (await redis.window.reserved()) > 0, 30_000);
    first.child.kill('SIGTERM');
    expect(await first.exit).toEqual(EXITED_WELL);
    expect(first.said()).toContain('handed the job back');
    expect(await redis.queues.ingest.getJob(jobIds.shard(run, 0))).toMatchObject({ attemptsMade: 0, stalledCounter: 0 });
    await rig.drain();
    await checkInvariants(rig.store, run);
  }, 60_000);

  test('fault 5 [file] a second SIGTERM ends an encoder at once, and the process that computes with it', async () => {
    const { run } = await rig.enqueue(slow);
    rig.ingest();
    const encoder = start('encoder', { settings: { drainSeconds: 600 } });
    await says(encoder, 'encoder is ready');
    const engines = childrenOf(encoder.child.pid!);
    expect(engines).toHaveLength(1);
    encoder.child.kill('SIGTERM');
    await says(encoder, 'a second signal stops at once');
    encoder.child.kill('SIGTERM');
    expect(await encoder.exit).toEqual({ code: 130, signal: null });
    await until(() => engines.every((pid) => !isAlive(pid)), 10_000);
    await rig.encoder({ once: true }).done;
    await complete(run);
    await checkInvariants(rig.store, run);
  }, 60_000);

  test.each(['ingest', 'encoder'] as const)('fault 5 [file] %s told to stop while it starts exits with 0', async (stage) => {
    let asked = 0;
    // A store that answers nothing.
    const silent = createServer((socket) => {
      asked += 1;
      socket.on('error', () => {});
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const env = { AWS_ACCESS_KEY_ID: 'nobody', AWS_SECRET_ACCESS_KEY: 'no-secret' };
    const worker = start(stage, { env, settings: { store: 's3://bucket/at-first', s3Endpoint: `http://127.0.0.1:${port}` } });
    await until(() => asked > 0, 20_000);
    worker.child.kill('SIGTERM');
    expect({ ...(await worker.exit), said: worker.said() }).toMatchObject(EXITED_WELL);
    silent.close();
  });

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

  test('fault 2 [file] a photo that kills ingest, and one that kills the encoder, are found and rejected; all others are committed', async () => {
    const { imageIds } = await writeCocoFixture(folder, [{ name: 'train2017', photos: 20 }]);
    const path = (index: number) => join(folder, 'train2017', `${imageIds['train2017']![index]!.padStart(12, '0')}.jpg`);
    const deadly = { preparing: 'kills whoever prepares it', encoder: [10, 250, 40] } as const;
    await appendFile(path(3), deadly.preparing);
    const [r, g, b] = deadly.encoder;
    await writeFile(
      path(12),
      await sharp({ create: { width: 64, height: 64, channels: 3, background: { r, g, b } } })
        .png()
        .toBuffer(),
    );
    const { run } = await rig.enqueue({ dataset: folder });
    const preload = JSON.stringify(join(__dirname, 'deadly-photos.js'));
    const env = { NODE_OPTIONS: `--require ${preload}`, DEADLY_PHOTOS: JSON.stringify(deadly) };
    const stop = new AbortController();
    let deaths = 0;
    /** As a service manager does. */
    const keepUp = async (stage: 'ingest' | 'encoder') => {
      while (!stop.signal.aborted) {
        const { signal } = await start(stage, { env }).exit;
        if (signal === 'SIGKILL') deaths += 1;
      }
    };
    const kept = [keepUp('ingest'), keepUp('encoder')];
    await complete(run).finally(() => {
      stop.abort();
      for (const { child } of programs) child.kill('SIGTERM');
    });
    await Promise.all(kept);
    const checked = await checkInvariants(rig.store, run);
    expect([...checked.rejected]).toEqual([
      [imageIds['train2017']![3], 'CRASHED_WORKER'],
      [imageIds['train2017']![12], 'CRASHED_WORKER'],
    ]);
    expect(checked.features.size).toBe(18);
    // Ingest died of the one before it let go, and so did the encoder; the engine's deaths are not its worker's.
    expect(deaths).toBeGreaterThanOrEqual(2);
  }, 120_000);
});

/** Process ids, as Linux tells them. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
