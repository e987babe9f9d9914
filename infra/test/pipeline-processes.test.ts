import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Settings } from '@showtell/shared/config';
import { latestManifest } from '@showtell/shared/manifests';
import { listCommitted, readCommit } from '@showtell/shared/planned-run';
import { until } from '../../packages/shared/test/queue/until';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

interface WorkerProcess {
  readonly child: ChildProcess;
  /** Everything it said. */
  readonly said: () => string;
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

describeRedis('the pipeline as processes', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  const processes: WorkerProcess[] = [];
  beforeEach(async () => {
    server = await startRedisServer({ password: 'hunter2' });
    rig = await pipelineRig(server.url, { logLevel: 'info' });
  });
  afterEach(async () => {
    for (const { child, exit } of processes.splice(0)) {
      child.kill('SIGKILL');
      await exit;
    }
    await rig.close();
    await server.stop();
  });

  const start = (stage: 'ingest' | 'encoder', settings: Partial<Settings> = {}): WorkerProcess => {
    const options = { stage, settings: { ...rig.settings, ...settings }, cacheFolder: join(rig.folder, 'weights') };
    const child = spawn(process.execPath, [join(__dirname, 'worker-process.js'), JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
    const exit = new Promise<Awaited<WorkerProcess['exit']>>((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
    const worker = { child, said: () => said, exit };
    processes.push(worker);
    return worker;
  };
  const committed = async (run: string) => (await listCommitted(rig.store, run)).size;
  const complete = async (run: string) => (await latestManifest(rig.store, run)) !== undefined;

  test('one encoder killed, one added half-way, Redis killed and restarted, ingest killed: every sample once', async () => {
    const request = { dataset: 'synthetic:160', shardRows: 4, microBatch: 2 };
    const { run, shards } = await rig.enqueue(request);
    let ingest = start('ingest');
    const encoders = [start('encoder'), start('encoder')];
    await until(async () => (await committed(run)) >= 3, 30_000);
    encoders[0]!.child.kill('SIGKILL');
    encoders.push(start('encoder'));
    await until(async () => (await committed(run)) >= 6, 30_000);
    ingest.child.kill('SIGKILL');
    // A worker that starts while Redis is away refuses to; this one shall live through it.
    await until(() => encoders[2]!.said().includes('worker is ready'), 30_000);
    await server.kill();
    await server.restart();
    ingest = start('ingest');
    const halfway = await rig.enqueue(request);
    expect(halfway).toMatchObject({ run, shards: { planned: shards.planned, failed: 0, added: 0 } });
    await until(() => complete(run), 60_000);

    await checkInvariants(rig.store, run);
    expect(await rig.enqueue(request)).toMatchObject({ shards: { committed: shards.planned, waiting: 0, failed: 0, added: 0 } });
    const workers = new Set<string>();
    for (let shard = 0; shard < shards.planned; shard++) workers.add((await readCommit(rig.store, run, shard))!.execution.worker);
    expect(workers.size).toBeGreaterThanOrEqual(2);

    for (const { child } of [ingest, ...encoders.slice(1)]) child.kill('SIGTERM');
    for (const worker of [ingest, ...encoders.slice(1)]) expect({ ...(await worker.exit), said: worker.said() }).toMatchObject({ code: 0 });
    for (const { said } of processes) expect(said()).not.toMatch(/hunter2|UnhandledPromise|unhandledRejection/);
  }, 120_000);

  test('SIGTERM in the middle hands the shard back at once; another encoder ends it', async () => {
    const { run, shards } = await rig.enqueue({ dataset: 'synthetic:250', shardRows: 512, microBatch: 4 });
    start('ingest');
    const first = start('encoder', { drainSeconds: 0 });
    await until(() => first.said().includes('encoder is ready'), 30_000);
    first.child.kill('SIGTERM');
    expect(await first.exit).toEqual({ code: 0, signal: null });
    expect(first.said()).toContain('handed the job back');
    expect(await committed(run)).toBeLessThan(shards.planned);
    start('encoder');
    await until(() => complete(run), 60_000);
    await checkInvariants(rig.store, run);
    expect(await committed(run)).toBe(shards.planned);
  }, 120_000);

  test('SIGTERM while Redis is away: workers end in their time, with exit code 0', async () => {
    const workers = [start('ingest'), start('encoder', { drainSeconds: 0 })];
    await until(() => workers.every(({ said }) => said().includes('worker is ready')), 30_000);
    await server.kill();
    await until(() => workers.every(({ said }) => said().includes('Redis connection lost')), 30_000);
    for (const { child } of workers) child.kill('SIGTERM');
    for (const { exit } of workers) expect(await exit).toEqual({ code: 0, signal: null });
  }, 60_000);
});
