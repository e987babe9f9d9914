import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { collectGarbage } from '@showtell/ingest/admin/collect-garbage';
import { lookAtRun, type RemoveRunOptions, removeRun } from '@showtell/ingest/admin/remove-run';
import { runStatus } from '@showtell/ingest/admin/status';
import { readPart } from '@showtell/shared/commit';
import { isShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { newestManifest } from '@showtell/shared/manifests';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { listCommitted, readCommit } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { defaultTrainingName, jobIds, type ShardJob } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import { freezeTraining } from '@showtell/trainer/train/freeze';
import { Worker } from 'bullmq';
import pino from 'pino';
import { runProgram } from '../../packages/cli/test/run-program';
import { describeS3 } from '../../packages/shared/test/describe-s3';
import { dyingStore } from '../../packages/trainer/test/temporary-store';
import { TINY, writeTinyRun } from '../../packages/trainer/test/tiny-run';
import { writeFullStore, writeRecords } from './full-store';
import { ERROR_LEVEL, type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';
import { type S3TestServer, startS3 } from './s3-server';

const logger = pino({ level: 'silent' });
const remove = (store: ObjectStore, run: string, more: Partial<RemoveRunOptions> = {}) =>
  removeRun({ store, run, redis: undefined, logger, ...more });

async function keysOf(store: ObjectStore, prefix = ''): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
}

async function deleteAll(store: ObjectStore, prefix: string): Promise<void> {
  for (const key of await keysOf(store, prefix)) await store.delete(key);
}

/** Runs go in the order in which they need each other; what is left goes by gc, but for what Keras' weights are. */
async function removesEverything(store: ObjectStore): Promise<void> {
  await writeFullStore(store);
  await expect(remove(store, 'old')).rejects.toMatchObject({
    code: 'IN_USE',
    message: 'The run old is in use by run new (it is its base)',
    hint: expect.stringContaining('showtell rm new') as string,
  });
  await expect(remove(store, 'new')).rejects.toMatchObject({
    code: 'IN_USE',
    message: 'The run new is in use by training more-pets (@latest), training pets (@best, @latest)',
  });
  await expect(remove(store, 'none')).rejects.toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining('old') as string });
  await expect(remove(store, '../weights')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await deleteAll(store, 'trainings/');
  for (const run of ['new', 'old', 'claimed']) {
    const { count, bytes } = await lookAtRun({ store, run });
    // A control record comes with the removal of a run that has a plan.
    const { count: removed, bytes: gone } = await remove(store, run);
    expect({ run, more: removed - count <= 1, bytes: gone >= bytes }).toEqual({ run, more: true, bytes: true });
    await expect(remove(store, run)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  }
  await collectGarbage({ store, remove: true, force: true, olderThanSeconds: 0 });
  expect((await keysOf(store)).map((key) => key.replace(/[0-9a-f]{64}/, 'sha256'))).toEqual([
    'probe/clock',
    'probe/conditional-writes',
    'weights/sha256',
    'weights/imagenet.json',
  ]);
}

describe('rm on the file store', () => {
  let folder: string;
  let store: FileStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-rm-'));
    store = new FileStore(join(folder, 'store'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('refuses while somebody refers to a run, and leaves nothing of it otherwise', async () => {
    await expect(removesEverything(store)).resolves.toBeUndefined();
  });

  test('killed at any line it never leaves what looks like more than it is, and finishes when it is called again', async () => {
    const ended: string[] = [];
    for (let write = 0; ; write++) {
      await deleteAll(store, '');
      await writeFullStore(store);
      await deleteAll(store, 'trainings/');
      const dying = dyingStore(store, write);
      const outcome = await remove(dying, 'new').catch((error: unknown) => error);
      if (!(outcome instanceof Error)) break;
      expect(outcome.message).toBe('killed');
      ended.push(await expectHonest(store, 'new'));
      await remove(store, 'new');
      expect(await keysOf(store, 'runs/new/')).toEqual([]);
    }
    expect([...new Set(ended)]).toEqual(['complete', 'cancelled', 'planning']);
  });

  test.each(['whole', 'damaged'])(
    'a training that begins at any moment of a removal has its run, or is refused: its plan is %s',
    async (plan) => {
      const outcomes = new Set<string>();
      // Once the manifest is gone it is the same at every later moment.
      for (let moment = 0, gone = 0; gone < 5; moment++) {
        await deleteAll(store, '');
        await writeRecords(store, await writeTinyRun(store, 'tiny'));
        if (plan === 'damaged') await store.put(keys.plan('tiny'), Buffer.from('{'));
        let began: Promise<unknown> | undefined;
        let calls = 0;
        const begin = async () => {
          began = freezeTraining(store, { runs: ['tiny'], preset: 'seed', training: 'late', hyperparameters: TINY });
          await began.catch(() => {});
        };
        const interrupted = new Proxy<ObjectStore>(store, {
          get(target, name) {
            const value: unknown = Reflect.get(target, name);
            if (typeof value !== 'function') return value;
            if (name === 'list' || name === 'folders')
              return async function* (...args: unknown[]) {
                if (calls++ === moment) await begin();
                yield* value.apply(target, args) as AsyncIterable<unknown>;
              };
            return async (...args: unknown[]) => {
              if (calls++ === moment) await begin();
              return value.apply(target, args) as unknown;
            };
          },
        });
        const codeOf = ({ code }: { code?: string }) => code;
        const removed = await remove(interrupted, 'tiny').then(() => 'removed', codeOf);
        const frozen = await began!.then(() => 'began', codeOf);
        outcomes.add(`${removed}, ${frozen}`);
        if (removed === 'removed') gone += 1;
        if (frozen === 'began') expect((await newestManifest(store, 'tiny')).manifest.number).toBe(1);
      }
      expect(outcomes).toContain('IN_USE, began');
      expect(outcomes).toContain('IN_USE, USAGE');
      expect(outcomes).not.toContain('removed, began');
    },
  );

  test('a record of another run that cannot be read may refer to this one, so nothing is removed', async () => {
    await writeFullStore(store);
    await store.put(keys.plan('new'), Buffer.from('{'));
    const before = await keysOf(store);
    await expect(remove(store, 'claimed')).rejects.toMatchObject({
      code: 'CORRUPT_OBJECT',
      exitCode: 6,
      message: 'runs/new/plan.json is not JSON, so it is not known whether run new has claimed as its base',
      hint: expect.stringMatching(/showtell rm new$/),
    });
    expect(await keysOf(store)).toEqual(before);
  });

  test.each(['run.json', 'plan.json', 'control.json', 'manifests/1.json', 'commits/00000.json'])(
    'a run with a damaged %s can be removed',
    async (name) => {
      await writeFullStore(store);
      await deleteAll(store, 'trainings/');
      await store.put(`runs/new/${name}`, Buffer.from('{'));
      await store.put('runs/new/notes.txt', Buffer.from('unknown'));
      await remove(store, 'new');
      expect(await keysOf(store, 'runs/new/')).toEqual([]);
    },
  );

  test('on the command line: says what it holds, asks, and wants Redis', async () => {
    await writeFullStore(store);
    await deleteAll(store, 'trainings/');
    const cli = (...args: string[]) => runProgram(['rm', ...args, '--store', pathToFileURL(join(folder, 'store')).href], { cwd: folder });
    const dry = await cli('new', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(/^new holds 7 objects, .*\n\nOBJECTS +COUNT +BYTES\n(.+\n)+\nNothing was removed: --dry-run\n$/);
    expect(JSON.parse((await cli('new', '--dry-run', '--json')).stdout)).toMatchObject({ run: 'new', count: 7, dryRun: true, users: [] });
    expect(await cli('new', '--yes')).toMatchObject({ code: 2, stderr: expect.stringContaining('--without-redis') as string });
    expect(await cli('new', '--without-redis')).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected --yes') as string });
    expect(await cli('old', '--yes', '--without-redis')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^IN_USE: .*run new/) as string,
    });
    expect((await lookAtRun({ store, run: 'new' })).count).toBe(7);
    const removed = await cli('new', '--yes', '--without-redis', '--json');
    expect(JSON.parse(removed.stdout)).toMatchObject({ run: 'new', count: 8, jobs: 0 });
    expect(await keysOf(store, 'runs/new/')).toEqual([]);
  });
});

/** What is left says of itself what is true. @returns its state. */
async function expectHonest(store: ObjectStore, run: string): Promise<string> {
  const { state } = await runStatus(store, undefined, run);
  for (const shard of await listCommitted(store, run)) await readPart(store, (await readCommit(store, run, shard))!);
  const manifest = await newestManifest(store, run).catch((error: unknown) => {
    if (!isShowtellError(error, 'MISSING_SHARDS')) throw error;
    return undefined;
  });
  // What can be trained on is whole.
  for (const part of [...(manifest?.manifest.shards ?? []), ...(manifest?.manifest.captions ?? [])]) await readPart(store, part);
  expect(state === 'complete').toBe(manifest !== undefined);
  return state;
}

describeS3('rm on S3', () => {
  let server: S3TestServer;
  let store: ObjectStore;
  beforeAll(async () => {
    server = (await startS3())!;
    store = openStore(`s3://${server.bucket}/showtell`, server);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
  });

  test('refuses while somebody refers to a run, and leaves nothing of it otherwise', async () => {
    await expect(removesEverything(store)).resolves.toBeUndefined();
  });
});

describeRedis('rm of a run that is being worked on', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    rig = await pipelineRig(server.url);
    shutdown = new Shutdown();
    redis = await openQueues(rig.settings, logger, shutdown);
  });
  afterEach(async () => {
    await shutdown.run();
    await rig.close();
  });

  const jobsOf = async (run: string) => {
    const queues = [redis.queues.ingest, redis.queues.encode('float32'), redis.queues.finalize, redis.queues.train];
    const all = await Promise.all(queues.map((queue) => queue.getJobs()));
    return all.flat().filter(({ id = '' }) => id.startsWith(`${run}.`) || id.startsWith(`${run}-`));
  };
  const expectGone = async (run: string) => {
    expect(await keysOf(rig.store, `runs/${run}/`)).toEqual([]);
    expect((await jobsOf(run)).map(({ id }) => id)).toEqual([]);
    expect(await redis.window.reserved()).toBe(0);
    expect(await redis.redis.keys(`*pixels:${run}.*`)).toEqual([]);
  };

  test('takes it from its workers, and leaves nothing in Redis; enqueued again, it is made anew', async () => {
    await rig.enqueue({ run: 'a', dataset: 'synthetic:400', train: 'seed' });
    await rig.enqueue({ run: 'b' });
    await redis.queues.train.add(
      'train',
      { training: defaultTrainingName('a', 'seed') },
      { jobId: jobIds.train(defaultTrainingName('a', 'seed')) },
    );
    rig.ingest();
    const encoder = rig.encoder();
    for (const last = Date.now() + 20_000; (await listCommitted(rig.store, 'a')).size < 2 && Date.now() < last; ) await sleep(20);
    const removed = await remove(rig.store, 'a', { redis });
    expect(removed.jobs).toBeGreaterThan(10);
    await expect(remove(rig.store, 'a', { redis })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await keysOf(rig.store, 'runs/a/')).toEqual([]);
    expect((await jobsOf('a')).map(({ id }) => id)).toEqual([]);
    for (const last = Date.now() + 20_000; (await keysOf(rig.store, keys.manifests('b'))).length === 0 && Date.now() < last; )
      await sleep(50);
    await expectGone('a');
    expect((await newestManifest(rig.store, 'b')).manifest.rejected).toEqual({});

    await rig.enqueue({ run: 'a', dataset: 'synthetic:24' });
    for (const last = Date.now() + 20_000; (await keysOf(rig.store, keys.manifests('a'))).length === 0 && Date.now() < last; )
      await sleep(50);
    expect((await newestManifest(rig.store, 'a')).manifest.splits).toMatchObject([{ split: 'train' }]);
    await encoder.stop();
    expect(rig.log.filter(({ level }) => level >= ERROR_LEVEL)).toEqual([]);
  }, 60_000);

  test('does not wait for a worker that is dead', async () => {
    await rig.enqueue({ run: 'a' });
    const dead = new Worker<ShardJob>('ingest', null, { connection: redis.redis, prefix: `{${rig.settings.prefix}}`, lockDuration: 1_500 });
    const job = await dead.getNextJob('token');
    expect(job).toMatchObject({ data: { run: 'a' } });
    const progress: number[] = [];
    await remove(rig.store, 'a', { redis, onProgress: ({ step, total }) => step === 'jobs' && progress.push(total) });
    expect(progress[0]).toBe(1);
    await expectGone('a');
    await dead.close();
  });
});
