import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pauseRun } from '@showtell/ingest/admin/halt';
import { repairRun } from '@showtell/ingest/admin/repair';
import { resumeRun } from '@showtell/ingest/admin/resume';
import { retryRun } from '@showtell/ingest/admin/retry';
import { runStatus } from '@showtell/ingest/admin/status';
import { verifyRun } from '@showtell/ingest/admin/verify';
import { listVoids } from '@showtell/ingest/voids';
import { commit } from '@showtell/shared/commit';
import { keys } from '@showtell/shared/keys';
import { latestManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPlannedRun, readCommit } from '@showtell/shared/planned-run';
import { redisPrefix } from '@showtell/shared/queue/connection';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import { jobIds, queueNames } from '@showtell/shared/queue/queues';
import { encodeRecord } from '@showtell/shared/schema/record';
import { Shutdown } from '@showtell/shared/shutdown';
import { Worker } from 'bullmq';
import pino from 'pino';
import { writeCocoFixture } from '../../packages/ingest/test/coco-fixture';
import { until } from '../../packages/shared/test/queue/until';
import { dyingStore } from '../../packages/trainer/test/temporary-store';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';
import { SHARD_DAMAGES } from './shard-damages';

const logger = pino({ level: 'silent' });

describeRedis('repair and retry beside everything else', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: RedisServices;
  let shutdown: Shutdown;
  let store: ObjectStore;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    rig = await pipelineRig(server.url);
    store = rig.store;
    shutdown = new Shutdown();
    redis = await openQueues(rig.settings, logger, shutdown);
  });
  afterEach(async () => {
    await rig.close();
    await shutdown.run();
  });

  const services = () => ({ store, queues: redis.queues, logger });
  const encode = async (options: Parameters<PipelineRig['enqueue']>[0] = {}) => {
    const { run } = await rig.enqueue(options);
    await rig.drain();
    return run;
  };
  const damage = async (run: string, shards: readonly number[]) => {
    for (const shard of shards) await SHARD_DAMAGES[shard]!.damage(store, run, shard);
  };
  const repaired = async (run: string) =>
    ((await latestManifest(store, run))!.manifest.repaired ?? []).map(({ shard, void: number }) => [shard, number]);

  test('killed at any write, a repair that is run again mends the run, and each shard is told of once', async () => {
    const run = await encode();
    // Copy and deletion of three records; the writes of jobs are Redis' own.
    for (const write of [0, 2, 4]) {
      await damage(run, [1, 2, 4]);
      const before = await repaired(run);
      await expect(repairRun(await verifyRun({ store, run }), { ...services(), store: dyingStore(store, write) })).rejects.toThrow(
        'killed',
      );
      const left = await verifyRun({ store, run });
      expect(left.report.shards.damaged + left.report.shards.waiting).toBe(3);
      await repairRun(left, services());
      await rig.drain();
      await checkInvariants(store, run);
      expect(await repaired(run)).toHaveLength(before.length + 3);
    }
  }, 120_000);

  test('killed before it added jobs, a repair leaves a run that enqueue and verify --repair both go on with', async () => {
    const run = await encode();
    for (const goOn of [() => rig.enqueue(), async () => repairRun(await verifyRun({ store, run }), services())]) {
      await damage(run, [0, 3]);
      const stop = new AbortController();
      const onProgress = (done: number, total: number) => done === total && stop.abort(new Error('killed'));
      await expect(repairRun(await verifyRun({ store, run }), { ...services(), signal: stop.signal, onProgress })).rejects.toThrow(
        'killed',
      );
      expect((await runStatus(store, redis.queues, run)).state).toBe('lost');
      expect((await verifyRun({ store, run })).report).toMatchObject({ shards: { intact: 3, damaged: 0, waiting: 2 }, findings: [] });
      await goOn();
      await rig.drain();
      await checkInvariants(store, run);
    }
  }, 60_000);

  test('of two repairs at once the second leaves alone what the first took', async () => {
    const run = await encode();
    await damage(run, [0, 1, 2, 3, 4]);
    const found = await verifyRun({ store, run });
    const both = await Promise.all([repairRun(found, services()), repairRun(found, services())]);
    expect(both.map((each) => each!.voided.length + each!.left.length)).toEqual([5, 5]);
    await rig.drain();
    await checkInvariants(store, run);
    // The lost record is told of by whoever comes first; the other finds it told of.
    expect(await repaired(run)).toEqual([0, 1, 2, 3, 4].map((shard) => [shard, 1]));
    // A repair that slept since: everything is another by now.
    expect(await repairRun(found, services())).toMatchObject({ voided: [], left: [0, 1, 2, 3, 4], jobs: { committed: 5, added: 0 } });
    expect(await repaired(run)).toHaveLength(5);
  }, 60_000);

  test('a worker that commits while its shard is taken away finds its body there', async () => {
    const run = await encode();
    const record = (await readCommit(store, run, 1))!;
    const { body } = (await store.get(record.key))!;
    await damage(run, [1]);
    const found = await verifyRun({ store, run });
    // It has put the body, and stands still before the record.
    await store.put(record.key, body);
    await repairRun(found, services());
    expect(await commit(store, { parts: [], recordKey: keys.commit(run, 1), record: encodeRecord(record) })).toEqual({
      outcome: 'committed',
    });
    await rig.drain();
    await checkInvariants(store, run);
    expect(await repaired(run)).toEqual([[1, 1]]);
  }, 60_000);

  test('a finalizer that had read the records before does not end the run without the next manifest', async () => {
    const run = await encode();
    await damage(run, [2]);
    const found = await verifyRun({ store, run });
    let end = () => {};
    const ended = new Promise<void>((resolve) => (end = resolve));
    await redis.queues.finalize.add('finalize', { run }, { jobId: jobIds.finalize(run) });
    const finalizer = new Worker(queueNames.finalize, () => ended, { connection: redis.redis, prefix: redisPrefix(rig.settings) });
    await until(async () => (await redis.queues.finalize.getJobState(jobIds.finalize(run))) === 'active');
    const repair = repairRun(found, services());
    await until(async () => (await listVoids(store, run)).length === 1);
    expect(await redis.queues.ingest.getJobCountByTypes('prioritized', 'waiting')).toBe(0);
    // It takes no other job.
    const closed = finalizer.close();
    end();
    await closed;
    await repair;
    expect(await redis.queues.finalize.getJobCountByTypes('waiting', 'prioritized', 'delayed')).toBe(1);
    await rig.drain();
    await checkInvariants(store, run);
    expect(await repaired(run)).toEqual([[2, 1]]);
  }, 60_000);

  test('damaged, stale and absent manifests are written anew', async () => {
    const run = await encode();
    await store.put(keys.manifest(run, 1), Buffer.from('x'));
    for (const [what, number] of [
      ['corrupt', 2],
      ['stale', 3],
    ] as const) {
      const found = await verifyRun({ store, run });
      expect(found.report.findings).toMatchObject([{ what, mend: 'manifest' }]);
      await repairRun(found, services());
      await rig.ingest({ once: true }).done;
      const { manifest } = (await latestManifest(store, run))!;
      expect(manifest.number).toBe(number);
      expect((await verifyRun({ store, run })).report.findings).toEqual([]);
      await store.put(keys.manifest(run, number), encodeRecord({ ...manifest, shards: manifest.shards.slice(1) }));
    }
  }, 60_000);

  test('the record of an unplanned shard is taken away, hides no missing one, and makes no new manifest', async () => {
    const run = await encode();
    await store.put(keys.commit(run, 9), encodeRecord({ ...(await readCommit(store, run, 1))!, shard: 9 }));
    await store.delete(keys.commit(run, 1));
    expect(await runStatus(store, redis.queues, run)).toMatchObject({ state: 'lost', shards: { planned: 5, committed: 4 } });
    expect((await repairRun(await verifyRun({ store, run }), services()))!.voided).toMatchObject([
      { shard: 1, reason: 'missing' },
      { shard: 9, reason: 'unplanned' },
    ]);
    await rig.drain();
    await checkInvariants(store, run);
    expect(await repaired(run)).toEqual([[1, 1]]);
    expect(await listVoids(store, run)).toHaveLength(2);
  }, 60_000);

  test('a paused run is repaired once it goes on', async () => {
    const run = await encode();
    await store.delete(keys.commit(run, 0));
    await pauseRun({ ...services(), ...redis, run });
    expect(await repairRun(await verifyRun({ store, run }), services())).toMatchObject({ jobs: { state: 'paused', added: 0 } });
    await expect(retryRun({ ...services(), run: await findPlannedRun(store, run) })).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining(`showtell resume ${run}`) as string,
    });
    await resumeRun({ ...services(), run });
    await rig.drain();
    await checkInvariants(store, run);
  }, 60_000);

  test('rejected photos are tried again by reason, whole shards at a time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'showtell-retry-'));
    try {
      const split = (bad: ('truncated' | 'not-an-image')[]) => [
        { name: 'train2017', photos: 16, bad },
        { name: 'val2017', photos: 8 },
      ];
      await writeCocoFixture(folder, split(['truncated', 'not-an-image']));
      const name = await encode({ dataset: folder, run: 'mine' });
      const run = await findPlannedRun(store, name);
      expect((await checkInvariants(store, name)).rejected.size).toBe(2);
      const retry = (options: Partial<Parameters<typeof retryRun>[0]>) => retryRun({ ...services(), run, ...options });
      expect(await retry({ rejected: ['TOO_LARGE'] })).toMatchObject({ shards: [], jobs: { added: 0 } });
      const planned = { shard: 0, split: 'train', images: 8 };
      expect(await retry({ rejected: [], dryRun: true })).toMatchObject({
        shards: [{ ...planned, rejected: { TRUNCATED: 1, UNSUPPORTED_FORMAT: 1 } }],
        jobs: { committed: 3, added: 0 },
      });
      expect(await listVoids(store, name)).toEqual([]);
      expect(await retry({ rejected: ['TRUNCATED'] })).toMatchObject({
        shards: [{ ...planned, rejected: { TRUNCATED: 1 } }],
        jobs: { committed: 2, added: 1 },
      });
      await rig.drain();
      expect((await checkInvariants(store, name)).rejected.size).toBe(2);
      expect((await latestManifest(store, name))!.manifest).toMatchObject({
        number: 2,
        repaired: [{ shard: 0, void: 1, reason: 'retry', after: 1, was: (await readCommit(store, name, 0))!.sha256 }],
      });

      // A shard that could not be encoded again stays as it is.
      await store.delete(run.plan.shards[0]!.key);
      await expect(retry({ rejected: [] })).rejects.toMatchObject({ code: 'CORRUPT_OBJECT' });
      expect(await readCommit(store, name, 0)).toBeDefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 60_000);
});
