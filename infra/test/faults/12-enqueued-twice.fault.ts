import { runStatus } from '@showtell/ingest/admin/status';
import { keys } from '@showtell/shared/keys';
import { latestManifestNumber } from '@showtell/shared/manifests';
import { listCommitted, readPlannedRun } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import type { Point } from '@showtell/shared/reached';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { atPoint, describeFault, type Place } from './fault';

/** In the order in which an enqueuer comes by: each one dies a little later than the one before it. */
const DEATHS: Point[] = [
  'enqueue:claimed',
  'commit:part-written',
  'commit:parts-written',
  'commit:record-written',
  'enqueue:finalize-added',
  'enqueue:jobs-removed',
  'enqueue:jobs-added',
];
const EXITED_WELL = { code: 0, signal: null };

const commits = (rig: PipelineRig) => rig.log.filter(({ msg }) => msg === 'shard committed').length;

describeFault(12, 'enqueue killed half-way', { stores: ['file', 's3'] }, (place) => {
  test('at each step of it, one after the other; then twice at once: nothing is missing, and nothing is done twice', async () => {
    const rig = await place.rig();
    const enqueue = (env: NodeJS.ProcessEnv = {}) => {
      const request = ['synthetic:48', '--split', 'train', '--shard-rows', '8', '--weights', 'weights.safetensors', '--run', 'mine'];
      return place.showtell(rig, ['enqueue', ...request, '--json'], { env });
    };
    for (const point of DEATHS) {
      const death = atPoint(rig, { point, act: 'kill' });
      const { exit, said } = enqueue(death.env);
      expect({ point, ...(await exit), said: said() }).toMatchObject({ point, code: null, signal: 'SIGKILL' });
    }
    const both = [enqueue(), enqueue()];
    for (const { exit, said } of both) {
      expect({ ...(await exit), said: said() }).toMatchObject(EXITED_WELL);
      expect(JSON.parse(said().slice(said().indexOf('{\n')))).toMatchObject({ shards: { planned: 5, committed: 0, waiting: 5, added: 0 } });
    }
    await rig.drain();
    expect((await checkInvariants(rig.store, 'mine')).manifests).toBe(1);
    expect(commits(rig)).toBe(5);
  }, 120_000);
});

// In a folder `infra/test/pipeline.test.ts` does the same.
describeFault(12, 'enqueue twice', { stores: ['s3'] }, (place) => {
  let shutdown: Shutdown;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());
  const begin = async (at: Place): Promise<RedisServices & { readonly rig: PipelineRig }> => {
    const rig = await at.rig();
    return { rig, ...(await openQueues(rig.settings, pino({ level: 'silent' }), shutdown, true)) };
  };

  test('at once, with ingest done and encode waiting, during encoding and after it', async () => {
    const { rig, queues } = await begin(place);
    const both = await Promise.all([rig.enqueue(), rig.enqueue()]);
    expect(new Set(both.map(({ shards }) => shards.added))).toEqual(new Set([0, 5]));
    const { run } = both[0]!;

    const ingest = rig.ingest();
    await until(async () => (await queues.encode('float32').getJobCountByTypes('prioritized')) === 5, 30_000);
    expect(await rig.enqueue()).toMatchObject({ shards: { committed: 0, waiting: 5, added: 0 } });

    const encoder = rig.encoder();
    await until(async () => (await listCommitted(rig.store, run)).size >= 1, 30_000);
    const during = await rig.enqueue();
    expect(during.shards).toMatchObject({ planned: 5, failed: 0, added: 0 });
    await until(async () => (await latestManifestNumber(rig.store, run)) > 0, 60_000);
    expect(await rig.enqueue()).toMatchObject({ shards: { committed: 5, waiting: 0, added: 0 } });
    await Promise.all([ingest.stop(), encoder.stop()]);
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    expect(commits(rig)).toBe(5);
  }, 90_000);

  test('with a job that failed for good', async () => {
    const { rig, queues } = await begin(place);
    const { run } = await rig.enqueue();
    const { key } = (await readPlannedRun(rig.store, run))!.plan.shards[1]!;
    const { body } = (await rig.store.get(key))!;
    await rig.store.delete(key);
    await rig.drain();
    expect(await runStatus(rig.store, queues, run)).toMatchObject({ state: 'failed', shards: { committed: 4, failed: 1 } });
    await rig.store.put(key, body);
    expect(await rig.enqueue()).toMatchObject({ shards: { committed: 4, waiting: 0, failed: 1, added: 1 } });
    await rig.drain();
    expect((await checkInvariants(rig.store, run)).manifests).toBe(1);
    expect(commits(rig)).toBe(5);
    expect(await rig.store.head(keys.manifest(run, 1))).toBeDefined();
  }, 90_000);
});
