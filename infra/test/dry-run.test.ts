import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runEncoderWorker } from '@showtell/encoder-worker/worker';
import { measuredRates } from '@showtell/ingest/admin/measured-rates';
import { readReport } from '@showtell/ingest/read-report';
import { runIngestWorker } from '@showtell/ingest/worker';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { latestManifest } from '@showtell/shared/manifests';
import { FileStore } from '@showtell/shared/object-store/file';
import { readPlannedRun } from '@showtell/shared/planned-run';
import { Shutdown } from '@showtell/shared/shutdown';
import { Redis } from 'ioredis';
import pino from 'pino';
import { writeCocoFixture } from '../../packages/ingest/test/coco-fixture';
import { countingStore } from './counting-store';
import { checkInvariants } from './invariants';
import { type PipelineRig, pipelineRig } from './pipeline-rig';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server';

describeRedis('a dry run', () => {
  let server: RedisServer;
  let rig: PipelineRig;
  let redis: Redis;
  let folder: string;
  beforeAll(async () => {
    server = await startRedisServer();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    await redis.quit();
    await server.stop();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-dry-'));
    rig = await pipelineRig(server.url);
  });
  afterEach(async () => {
    await rig.close();
    await rm(folder, { recursive: true });
  });

  /** Every file of the store and every key of Redis with all that is in it. */
  async function everything(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const root = join(rig.folder, 'store');
    const files = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      found[path] = file.isFile() ? sha256(await readFile(path)) : 'folder';
    }
    // What expires was left by workers, and goes by itself.
    for (const key of await redis.keys('*'))
      if ((await redis.pttl(key)) === -1) found[`redis ${key}`] = (await redis.dumpBuffer(key))!.toString('hex');
    return found;
  }
  const work = async (store = rig.store) => {
    const common = { settings: rig.settings, store, logger: pino({ level: 'silent' }), once: true, shutdown: new Shutdown() };
    const cacheFolder = join(rig.folder, 'weights');
    await Promise.all([
      runIngestWorker(common),
      runEncoderWorker({ ...common, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1, cacheFolder }),
    ]);
  };

  test('leaves store and Redis as they were, to the last byte: of a new run, of one with a base, of one half done', async () => {
    await writeCocoFixture(folder, [{ name: 'train2017', photos: 12 }]);
    const dry = async (options: Parameters<PipelineRig['enqueue']>[0]) => {
      const before = await everything();
      const report = await rig.enqueue({ ...options, dryRun: true });
      expect(await everything()).toEqual(before);
      return report;
    };
    expect(await everything()).toEqual({});
    expect(await dry({ dataset: folder, run: 'first' })).toMatchObject({
      shards: { planned: 2, added: 2 },
      estimate: { photos: 12, times: [] },
    });
    await rig.enqueue({ dataset: folder, run: 'first' });
    expect(await dry({ dataset: folder, run: 'first' })).toMatchObject({ existed: true, shards: { waiting: 2, added: 0 } });
    await work();
    expect(await dry({ dataset: folder, run: 'first' })).toMatchObject({ shards: { committed: 2 }, estimate: { photos: 0 } });
    expect(await dry({ dataset: folder, run: 'second', base: 'first' })).toMatchObject({
      base: { samples: 12 },
      shards: { planned: 0 },
      estimate: { photos: 0, sourceBytes: 0 },
    });
    expect(await dry({ dataset: 'synthetic:48', run: 'third', base: 'first' })).toMatchObject({ base: { samples: 0 } });
  }, 60_000);

  test('foretells bytes and requests of a real run, and knows the time of it from then on', async () => {
    const { rejected } = await writeCocoFixture(folder, [
      { name: 'train2017', photos: 70, bad: ['truncated'] },
      { name: 'val2017', photos: 20 },
    ]);
    const { store, requests } = countingStore(rig.store);
    const reads = jest.spyOn(FileStore.prototype, 'get');
    const asked = { dataset: folder, run: 'counted', shardRows: 5, store };
    const { estimate, findings, splits } = await rig.enqueue({ ...asked, dryRun: true });
    expect(findings).toMatchObject({ imagesMissing: { count: 0 } });
    expect(splits).toMatchObject([
      { split: 'train', samples: 70, captions: 140, shards: 14 },
      { split: 'val', shards: 4 },
    ]);
    Object.assign(requests, { puts: 0, gets: 0, heads: 0, lists: 0 });

    await rig.enqueue(asked);
    await work(store);
    const { puts, gets, heads } = estimate!.requests.store;
    const near = (found: number, foretold: number) => expect(Math.abs(found - foretold)).toBeLessThan(0.1 * foretold);
    near(requests.puts, puts);
    near(requests.gets, gets);
    near(requests.heads, heads);
    const ofSource = reads.mock.calls.filter(([key]) => key.endsWith('.jpg'));
    reads.mockRestore();
    expect(ofSource).toHaveLength(estimate!.requests.source.gets);

    const { features } = await checkInvariants(rig.store, 'counted');
    expect(features.size).toBe(90 - rejected.length);
    const { manifest } = (await latestManifest(rig.store, 'counted'))!;
    const report = (await readReport(rig.store, manifest.report!.key))!;
    expect(report).toMatchObject({ images: 89, rejected: { TRUNCATED: 1 }, sourceBytes: estimate!.sourceBytes });
    near(report.shardBytes, estimate!.storage.shards);
    const sizes = async (prefix: string) => {
      let bytes = 0;
      for await (const object of rig.store.list(prefix)) bytes += object.bytes;
      return bytes;
    };
    near(await sizes('runs/counted/'), estimate!.storage.total);
    const { plan, captions, records } = estimate!.storage;
    expect((await sizes('runs/counted/plan/')) + (await rig.store.head(keys.plan('counted')))!.bytes).toBe(plan);
    expect(await sizes('runs/counted/captions/')).toBe(captions);
    const written = [keys.runJson('counted'), keys.commits('counted'), keys.manifests('counted'), keys.reports('counted')];
    near(
      (await Promise.all(written.map(sizes))).reduce((sum, bytes) => sum + bytes),
      records,
    );

    // One worker was at it: for one worker it is foretold what it took.
    const run = (await readPlannedRun(rig.store, 'counted'))!;
    const [rate] = await measuredRates(rig.store, run.plan.encoder);
    expect(rate).toMatchObject({ device: 'cpu', engine: 'onnx', images: 89, runs: 1 });
    const again = await rig.enqueue({ dataset: folder, run: 'again', shardRows: 5, dryRun: true });
    const { seconds } = again.estimate!.times[0]!;
    expect(seconds.map(({ workers }) => workers)).toEqual([1, 4, 16]);
    expect(seconds[0]!.seconds).toBeCloseTo((90 * report.devices[0]!.seconds) / 89, 5);
    // 18 shards are five rounds of four workers, and two of sixteen.
    expect(seconds[1]!.seconds / seconds[0]!.seconds).toBeCloseTo(5 / 18, 5);
    expect(seconds[2]!.seconds / seconds[0]!.seconds).toBeCloseTo(2 / 18, 5);
    // Of another encoder nothing is known.
    expect(await measuredRates(rig.store, { ...run.plan.encoder, precision: 'int8' })).toEqual([]);
  }, 60_000);
});
