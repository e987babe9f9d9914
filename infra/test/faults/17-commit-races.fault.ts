import { type EncodeServices, encodeShard } from '@showtell/encoder-worker/encode-shard';
import type { EncoderEngine } from '@showtell/encoder-worker/encoder/engines/engine';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { EngineKeeper } from '@showtell/encoder-worker/engine-keeper';
import { finalizeRun } from '@showtell/ingest/finalize';
import { decodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { readPart } from '@showtell/shared/commit';
import { latestManifestNumber } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { PixelKey } from '@showtell/shared/pixel-key';
import { listCommitted, PlannedRuns, readCommit } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import type { JobContext } from '@showtell/shared/queue/processor';
import { LIVE_STATES, type RunJob, type ShardJob } from '@showtell/shared/queue/queues';
import { Shutdown } from '@showtell/shared/shutdown';
import pino from 'pino';
import { until } from '../../../packages/shared/test/queue/until';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault } from './fault';

const ROUNDS = 100;
/** Whole systems do as much beside the commit, so of them there are fewer. */
const JOBS = 24;
const WORKERS = ['one', 'two'];
const logger = pino({ level: 'silent' });

const context = <T>() => ({ job: { stalledCounter: 0 }, token: 'token', signal: new AbortController().signal }) as JobContext<T>;

describeFault(17, 'two workers commit one shard at once, 100 rounds', { stores: ['file', 's3'] }, (place) => {
  let shutdown: Shutdown;
  let redis: RedisServices;
  beforeEach(() => {
    shutdown = new Shutdown();
  });
  afterEach(() => shutdown.run());

  /** An encoder of another kind of computer: its features differ a little, so that one can tell whose rows are there. */
  const slightlyOff = (engine: EncoderEngine, by: number): EncoderEngine => ({
    ...engine,
    encode: async (pixels, count) => {
      const features = await engine.encode(pixels, count);
      return features.map((value) => value + by);
    },
    close: async () => {},
  });
  /** Each worker has a connection of its own to the store. */
  const openStores = ({ settings }: PipelineRig) =>
    WORKERS.map((worker) => {
      const store = openStore(settings.store, { endpoint: settings.s3Endpoint });
      shutdown.defer(`store of ${worker}`, () => store.close());
      return store;
    });

  test('whose features differ: one wins each, both are done, and the rows are those of the one', async () => {
    const rig = await place.rig();
    redis = await openQueues(rig.settings, logger, shutdown);
    const { run } = await rig.enqueue({ dataset: `synthetic:${ROUNDS}`, shardRows: 1, splits: [] });
    const engine = await openEngine({ weights: rig.weightsFile, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 });
    shutdown.defer('engine', () => engine.close());
    const turnstile = new Turnstile(WORKERS.length);
    const services = openStores(rig).map(
      (store, index): EncodeServices => ({
        ...redis,
        store: meetingBeforeRecords(store, turnstile),
        runs: new PlannedRuns(store),
        pixelKey: new PixelKey(store),
        engines: new EngineKeeper(async () => slightlyOff(engine, index)),
        precision: 'float32',
        logger,
        worker: WORKERS[index]!,
        downloads: 1,
        onEncoded: () => {},
      }),
    );
    for (let shard = 0; shard < ROUNDS; shard++)
      await Promise.all(services.map((each) => encodeShard({ run, shard }, context<ShardJob>(), each)));
    expect(turnstile.passed).toBe(ROUNDS);

    await finalizeRun({ run }, context<RunJob>(), { ...redis, store: rig.store, runs: new PlannedRuns(rig.store), logger });
    const { features } = await checkInvariants(rig.store, run);
    expect(features.size).toBe(ROUNDS);
    let bodies = 0;
    for await (const _ of rig.store.list(`runs/${run}/shards/`)) bodies++;
    expect(bodies).toBe(2 * ROUNDS);
    // The features of the narrow encoder are means of what a ReLU gave, with zeros among them: the least one tells whose they are.
    for (let shard = 0; shard < ROUNDS; shard++) {
      const commit = (await readCommit(rig.store, run, shard))!;
      const rows = decodeFeatureRows(await readPart(rig.store, commit), commit.key);
      expect(Math.min(...rows.features)).toBe(WORKERS.indexOf(commit.execution.worker));
    }
  }, 60_000);

  test('in two systems that know nothing of each other but the store: every job of both is done', async () => {
    const rig = await place.rig();
    // Another queue server, as it were: neither lock nor job of the one keeps the other from anything.
    const other = { ...rig.settings, prefix: `${rig.settings.prefix}-other` };
    const systems = [rig.settings, other];
    const [first, twin] = await Promise.all(
      systems.map((settings) => rig.enqueue({ dataset: `synthetic:${JOBS}`, shardRows: 1, splits: [], settings })),
    );
    const { run } = first!;
    expect(twin!.run).toBe(run);
    for (const settings of systems) {
      rig.ingest({ settings });
      rig.encoder({ settings });
    }
    const opened = await Promise.all(systems.map((settings) => openQueues(settings, logger, shutdown)));
    const states = [...LIVE_STATES, 'failed'] as const;
    const left = async () => {
      const counts = await Promise.all(
        opened.flatMap(({ queues }) =>
          [queues.ingest, queues.encode('float32'), queues.finalize].map((queue) => queue.getJobCountByTypes(...states)),
        ),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await until(async () => (await left()) === 0, 50_000);
    expect(await latestManifestNumber(rig.store, run)).toBe(1);
    expect((await listCommitted(rig.store, run)).size).toBe(JOBS);
    expect((await checkInvariants(rig.store, run)).features.size).toBe(JOBS);
    for (const { window } of opened) expect(await window.reserved()).toBe(0);
  }, 60_000);
});

/** Lets those who come wait until they are as many as it takes, then all go at once. */
class Turnstile {
  passed = 0;
  #waiting: (() => void)[] = [];

  constructor(private readonly size: number) {}

  async enter(): Promise<void> {
    const entered = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#waiting.length === this.size) {
      this.passed += 1;
      for (const go of this.#waiting.splice(0)) go();
    }
    await entered;
  }
}

/** A store whose writers of commit records meet before they write. */
function meetingBeforeRecords(store: ObjectStore, turnstile: Turnstile): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'putIfAbsent') return member.bind(target) as unknown;
      return async (...args: Parameters<ObjectStore['putIfAbsent']>) => {
        await turnstile.enter();
        return target.putIfAbsent(...args);
      };
    },
  });
}
