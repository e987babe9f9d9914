import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted, readCommit } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { jobIds } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import type { WorkerProgram, WorkerProgramOptions } from '../worker-program';
import { describeFault } from './fault';

const EXITED_WELL = { code: 0, signal: null };

describeFault(5, 'SIGTERM while encoding', { stores: ['file', 's3'] }, (place) => {
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  beforeEach(async () => {
    rig = await place.rig();
    shutdown = new Shutdown();
    redis = await openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true);
  });
  afterEach(() => shutdown.run());

  const start = (stage: 'ingest' | 'encoder', options?: WorkerProgramOptions) => place.program(rig, stage, options);
  const says = (program: WorkerProgram, text: string) => until(() => program.said().includes(text), 30_000);
  const complete = (run: string) => until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
  const encodeJob = (run: string, shard: number) => redis.queues.encode('float32').getJob(jobIds.shard(run, shard));
  /** A run of one shard, which takes a while. */
  const slow = { dataset: 'synthetic:120', shardRows: 512, microBatch: 4 };

  test('SIGTERM within the grace period: the shard in hand is finished, the next one not begun', async () => {
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

  test('SIGTERM past it: the shard goes back as it came, and a worker that waits takes it at once', async () => {
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

  test('SIGTERM of ingest hands back what it streams, at once; another one ends it', async () => {
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

  test('a second SIGTERM ends an encoder at once, and the process that computes with it', async () => {
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

  test.each(['ingest', 'encoder'] as const)('%s told to stop while it starts exits with 0', async (stage) => {
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
