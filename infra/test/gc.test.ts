import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { collectGarbage, type GarbageOptions, type GarbageReport } from '@showtell/ingest/admin/collect-garbage';
import { readPart } from '@showtell/shared/commit';
import { sha256 } from '@showtell/shared/hash';
import { kindOfKey } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';
import { newestManifest, readManifest } from '@showtell/shared/manifests';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { readPlannedRun } from '@showtell/shared/planned-run';
import { encodeRecord } from '@showtell/shared/schema/record';
import { readAliases } from '@showtell/trainer/checkpoint/aliases';
import { listCheckpoints, readCheckpointFiles } from '@showtell/trainer/checkpoint/checkpoints';
import { readLease } from '@showtell/trainer/checkpoint/lease';
import { pullCheckpoint } from '@showtell/trainer/checkpoint/pull';
import { readTraining } from '@showtell/trainer/train/freeze';
import { describeS3 } from '../../packages/shared/test/describe-s3';
import { ENCODER_WEIGHTS } from '../../packages/trainer/test/tiny-run';
import { runRecord, SOURCE_WEIGHTS, writeFullStore } from './full-store';
import { type S3TestServer, startS3 } from './s3-server';

const DAY_MS = 24 * 60 * 60 * 1_000;
const TIMERS = [
  'nextTick',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

async function keysOf(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list('')) found.push(key);
  return found.filter((key) => key !== keys.clock());
}

const gc = (store: ObjectStore, options: Partial<GarbageOptions> = {}) => collectGarbage({ store, ...options });
const all = { remove: true, force: true, olderThanSeconds: 0 };
const kindsOf = ({ garbage }: GarbageReport) => garbage.map(({ kind }) => kind).sort();

/** Everything that records name is there and is what they say, and captioners can be pulled. */
async function expectWhole(store: ObjectStore, folder: string): Promise<void> {
  for (const run of ['old', 'new']) {
    const { plan } = (await readPlannedRun(store, run))!;
    for (const part of [...plan.shards, ...plan.captions, ...(plan.base?.shards ?? [])]) await readPart(store, part);
    const newest = (await newestManifest(store, run)).manifest;
    for (let number = 1; number <= newest.number; number++) {
      const { manifest } = await readManifest(store, keys.manifest(run, number));
      for (const part of [...manifest.shards, ...manifest.captions]) await readPart(store, part);
    }
  }
  for (const training of ['pets', 'more-pets']) {
    await readTraining(store, training);
    for (const checkpoint of await listCheckpoints(store, training))
      await readCheckpointFiles(store, checkpoint, Object.keys(checkpoint.record.files) as 'cursor.json'[]);
    for (const alias of (await readAliases(store, training)).keys())
      await pullCheckpoint(store, `${training}@${alias}`, join(folder, `${training}-${alias}`));
  }
  expect((await readLease(store, 'pets'))!.record).toMatchObject({ beat: 1, released: true });
  for (const weights of [SOURCE_WEIGHTS, ENCODER_WEIGHTS, Buffer.from("Keras' weights")])
    expect((await store.get(keys.weights(sha256(weights))))!.body).toEqual(weights);
}

/** Starts writers that die by SIGKILL half-way, and waits for their death. */
async function killWriters(kinds: readonly string[], url: string, endpoint = '', env: NodeJS.ProcessEnv = {}): Promise<void> {
  const deaths = kinds.map(async (kind) => {
    const child = spawn(process.execPath, [join(__dirname, 'killed-writer.js'), url, endpoint, kind], {
      env: { ...process.env, ...env },
      stdio: 'inherit',
    });
    expect({ kind, death: await once(child, 'exit') }).toEqual({ kind, death: [null, 'SIGKILL'] });
  });
  await Promise.all(deaths);
}

const ORPHANS = ['shard', 'plan', 'captions', 'checkpoint', 'weights', 'upload'];
const ORPHAN_KINDS = ['captions', 'checkpointPart', 'leftover', 'planPart', 'shard', 'weights'];

async function takesOrphansAlone(store: ObjectStore, folder: string, kill: () => Promise<void>): Promise<void> {
  await writeFullStore(store);
  const before = await keysOf(store);
  expect(await gc(store, all)).toMatchObject({ garbage: [], deleted: { count: 0 }, unplanned: ['claimed'], unknown: { count: 0 } });
  expect(await keysOf(store)).toEqual(before);

  await kill();
  await store.put('notes.txt', Buffer.from("somebody's notes"));
  const listed = await gc(store, { force: true, olderThanSeconds: 0 });
  expect(kindsOf(listed)).toEqual(ORPHAN_KINDS);
  expect(listed).toMatchObject({ deleted: undefined, unknown: { count: 1, examples: ['notes.txt'] }, headless: [] });
  expect((await keysOf(store)).length).toBe(before.length + ORPHANS.length - 1 + 1);

  // Nobody takes what may be on its way.
  expect(await gc(store, { remove: true })).toMatchObject({ garbage: [], young: { count: ORPHANS.length }, deleted: { count: 0 } });

  const report = await gc(store, all);
  expect(report.deleted).toMatchObject({ count: ORPHANS.length, missed: [] });
  expect(await keysOf(store)).toEqual([...before, 'notes.txt'].sort());
  expect(await gc(store, all)).toMatchObject({ garbage: [], deleted: { count: 0 } });
  await expectWhole(store, folder);
}

describe('gc on the file store', () => {
  let folder: string;
  let store: FileStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-gc-'));
    store = new FileStore(join(folder, 'store'));
  });
  afterEach(async () => {
    jest.useRealTimers();
    await rm(folder, { recursive: true });
  });
  const path = (key: string) => join(folder, 'store', key);
  const makeOld = async (key: string, days = 2) => {
    const at = new Date(Date.now() - days * DAY_MS);
    await utimes(path(key), at, at);
  };

  test('takes what killed writers left behind, and nothing that anything refers to', async () => {
    const kill = () => killWriters(ORPHANS, pathToFileURL(join(folder, 'store')).href);
    await expect(takesOrphansAlone(store, folder, kill)).resolves.toBeUndefined();
  });

  test('is killed half-way, and takes the rest when it is called again', async () => {
    await writeFullStore(store);
    const before = await keysOf(store);
    for (let i = 0; i < 40; i++) await store.put(keys.shard('old', i, sha256(String(i))), Buffer.from(String(i)));
    const stop = new AbortController();
    const reason = new Error('enough');
    await expect(
      gc(store, { ...all, signal: stop.signal, onProgress: ({ step, done }) => step === 'delete' && done === 10 && stop.abort(reason) }),
    ).rejects.toBe(reason);
    const left = (await keysOf(store)).length - before.length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(31);
    expect((await gc(store, all)).deleted).toMatchObject({ count: left });
    expect(await keysOf(store)).toEqual(before);
  });

  test('less than a day needs force', async () => {
    await expect(gc(store, { olderThanSeconds: 3_600 })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'Expected an age of at least 24 h but received 1 h',
      hint: expect.stringContaining('--force') as string,
    });
  });

  test.each([-25, -1, 1, 25])('a clock that is %d hours off changes nothing: age is by the store', async (hours) => {
    const [fresh, old] = ['fresh', 'old'].map((text) => keys.weights(sha256(text))) as [string, string];
    for (const key of [fresh, old]) await store.put(key, Buffer.from('orphan'));
    await makeOld(old);
    // The clock alone: what waits must wait as ever, and Node must not be asked to clear an immediate that it has not made.
    jest.useFakeTimers({ now: Date.now() + hours * 60 * 60 * 1_000, doNotFake: [...TIMERS] });
    expect((await gc(store)).garbage).toMatchObject([{ key: old }]);
  });

  test.each([
    ['runs/new/manifests/1.json', []],
    ['runs/new/plan.json', []],
    ['runs/old/commits/00001.json', ['weights']],
    ['trainings/pets/training.json', ['shard']],
    ['trainings/pets/checkpoints/00000004-1/COMMIT.json', ['shard', 'weights']],
    ['weights/imagenet.json', ['shard']],
  ])('%s that cannot be read withholds what it may name', async (key, taken) => {
    await writeFullStore(store);
    await store.put(keys.shard('old', 7, sha256('x')), Buffer.from('x'));
    await store.put(keys.weights(sha256('x')), Buffer.from('x'));
    for (const body of ['{', '{"formatVersion": 99}', '{"formatVersion": 1}']) {
      await store.put(key, Buffer.from(body));
      const report = await gc(store, { force: true, olderThanSeconds: 0 });
      expect(report.unreadable).toMatchObject([{ key, reason: expect.stringContaining(key) as string }]);
      expect([...new Set(kindsOf(report))].sort()).toEqual(taken);
      expect(report.withheld.count).toBeGreaterThan(0);
    }
    const before = await keysOf(store);
    await gc(store, all);
    const left = new Set(await keysOf(store));
    const gone = before.filter((name) => !left.has(name)).map((name) => kindOfKey(name)!.kind);
    expect([...new Set(gone)].sort()).toEqual(taken);
  });

  test.each([
    [keys.trainingJson('more-pets'), /there is trainings\/more-pets\/checkpoints\/.*COMMIT\.json$/],
    [keys.runJson('new'), /there is runs\/new\/plan\.json$/],
    [keys.plan('new'), /there is runs\/new\/commits\/0+\.json$/],
  ])('%s that is gone from beside what it made is a loss, and keeps what it may have named', async (lost, reason) => {
    await writeFullStore(store);
    await store.put(keys.weights(sha256('x')), Buffer.from('x'));
    const before = await keysOf(store);
    await store.delete(lost);
    expect(await gc(store, all)).toMatchObject({
      unreadable: [{ key: lost, reason: expect.stringMatching(reason) as string }],
      headless: [],
      unplanned: ['claimed'],
      garbage: [],
    });
    expect(await keysOf(store)).toEqual(before.filter((key) => key !== lost));
  });

  test('what only the plan of a run with a base names stays', async () => {
    await writeFullStore(store);
    for (const key of await keysOf(store)) if (/^runs\/(old\/(manifests|commits)|new\/manifests)\//.test(key)) await store.delete(key);
    const { base } = (await readPlannedRun(store, 'new'))!.plan;
    expect(base!.shards.length).toBeGreaterThan(0);
    await gc(store, all);
    for (const part of base!.shards) await expect(readPart(store, part)).resolves.toBeInstanceOf(Buffer);
  });

  test('a writer that stood still for days before its record, and comes to it while gc lists, has its parts', async () => {
    await writeFullStore(store);
    const [weights, orphan] = ['named late', 'never named'].map((text) => keys.weights(sha256(text))) as [string, string];
    for (const key of [weights, orphan]) {
      await store.put(key, Buffer.from('x'));
      await makeOld(key);
    }
    const interrupted = new Proxy<ObjectStore>(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'leftovers') return value.bind(target) as unknown;
        // Asked once the first look at the records is over.
        return async function* () {
          await target.putIfAbsent(keys.runJson('late'), encodeRecord(runRecord('late', { weightsSha256: sha256('named late') })));
          yield* target.leftovers();
        };
      },
    });
    expect(await gc(interrupted, { remove: true })).toMatchObject({ deleted: { count: 1, missed: [] } });
    expect(await store.head(weights)).toBeDefined();
    expect(await store.head(orphan)).toBeUndefined();
  });

  test('an enqueue that finds old weights of nobody, at every moment of a gc', async () => {
    const weights = { bytes: Buffer.from('old weights of nobody'), sha256: sha256('old weights of nobody') };
    const key = keys.weights(weights.sha256);
    const run = 'fresh';
    const enqueue = async () => {
      await putWeights(store, weights);
      await store.putIfAbsent(keys.runJson(run), encodeRecord(runRecord(run, { weightsSha256: weights.sha256 })));
    };
    const outcomes: string[] = [];
    for (let moment = 0; ; moment++) {
      await store.put(key, weights.bytes);
      await makeOld(key);
      await store.delete(keys.runJson(run));
      let calls = 0;
      const interrupted = new Proxy<ObjectStore>(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') return value;
          if (name === 'list' || name === 'leftovers')
            return async function* (...args: unknown[]) {
              if (calls++ === moment) await enqueue();
              yield* value.apply(target, args) as AsyncIterable<unknown>;
            };
          return async (...args: unknown[]) => {
            if (calls++ === moment) await enqueue();
            return value.apply(target, args) as unknown;
          };
        },
      });
      const { deleted } = await gc(interrupted, { remove: true });
      if (calls <= moment) break;
      const there = (await store.head(key)) !== undefined;
      outcomes.push(there ? 'kept' : 'gone');
      // In the one moment between the last look and the deletion it is told.
      expect({ moment, missed: deleted!.missed }).toEqual({ moment, missed: there ? [] : [key] });
    }
    expect(outcomes.length).toBeGreaterThan(5);
    expect(outcomes.filter((outcome) => outcome === 'gone').length).toBeLessThanOrEqual(1);
  });
});

describeS3('gc on S3', () => {
  let server: S3TestServer;
  let store: ObjectStore;
  let folder: string;
  beforeAll(async () => {
    server = (await startS3())!;
    folder = await mkdtemp(join(tmpdir(), 'showtell-gc-'));
    store = openStore(`s3://${server.bucket}/showtell`, server);
  });
  afterAll(async () => {
    await store.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  test('takes what killed writers left behind, and nothing that anything refers to', async () => {
    const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = server.credentials;
    const kill = () =>
      killWriters(ORPHANS, `s3://${server.bucket}/showtell`, server.endpoint, { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY });
    await expect(takesOrphansAlone(store, folder, kill)).resolves.toBeUndefined();
  });

  test("leaves other programs' unfinished uploads alone", async () => {
    const client = new S3Client({ ...server, region: 'us-east-1', forcePathStyle: true });
    const begin = (key: string) => client.send(new CreateMultipartUploadCommand({ Bucket: server.bucket, Key: `showtell/${key}` }));
    await begin('films/1.mp4');
    await begin(keys.weights('a'.repeat(64)));
    expect(await gc(store, all)).toMatchObject({
      garbage: [{ kind: 'leftover', key: keys.weights('a'.repeat(64)) }],
      deleted: { count: 1 },
    });
    expect((await gc(store, all)).unknown.examples).toContain('films/1.mp4');
    client.destroy();
  });
});
