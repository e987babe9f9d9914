import { voidShard } from '@showtell/ingest/admin/void-shard';
import { finalizeRun } from '@showtell/ingest/finalize';
import { newestManifest, tellsOf } from '@showtell/ingest/manifest';
import { listVoids } from '@showtell/ingest/voids';
import { commit } from '@showtell/shared/commit';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { isCommitted, type PlannedRun, readCommit } from '@showtell/shared/planned-run';
import { MANIFEST_FORMAT, ManifestRecord } from '@showtell/shared/schema/manifest';
import { PLAN_FORMAT } from '@showtell/shared/schema/plan';
import { encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import pino from 'pino';
import { NO_FINDINGS } from '../../../packages/shared/test/no-findings';
import { ENCODER } from '../../../packages/trainer/test/tiny-run';
import { commitRecord, runRecord } from '../full-store';
import { explore, type Process, type Scenario } from './explore';
import type { Objects } from './stepped-store';

const RUN = 'pets';
const RECORD = keys.commit(RUN, 0);
const BODY = Buffer.from('features of shard 0');
/** Of another kind of processor. */
export const OTHER = Buffer.from('slightly other features');

const part = (key: string, body: Buffer) => ({ key, bytes: body.length, sha256: sha256(body) });
const run: PlannedRun = {
  name: RUN,
  request: runRecord(RUN),
  planSha256: sha256('plan'),
  plan: {
    formatVersion: PLAN_FORMAT,
    run: RUN,
    encoder: ENCODER,
    microBatch: 4,
    splits: [{ split: 'train', samples: 20, captions: 0, shards: 1 }],
    shards: [{ ...part('plan/0', Buffer.from('plan of shard 0')), shard: 0, split: 'train', rows: 20 }],
    captions: [],
    findings: NO_FINDINGS,
    runSha256: sha256('run'),
  },
};

function recordOf(worker: string, body: Buffer): CommitRecord {
  const record = commitRecord(RUN, 0, 'train', 20, part(keys.shard(RUN, 0, sha256(body)), body));
  return { ...record, execution: { ...record.execution, worker } };
}

/** Encodes the shard, unless it is committed, as a job does: the same bytes whoever does it, in a record that names them. */
export const encode =
  (worker: string, body = BODY): Process =>
  async (store) => {
    if (await isCommitted(store, RUN, 0)) return;
    const record = recordOf(worker, body);
    await commit(store, { parts: [{ key: record.key, body }], recordKey: RECORD, record: encodeRecord(record) });
  };

/** A worker that has put its body, found no record when it looked, and stood still since. */
export const late: Process = (store) => commit(store, { parts: [], recordKey: RECORD, record: encodeRecord(recordOf('late', BODY)) });

/** Takes the record away that a verification found beside a damaged body, then does the job that it adds. */
export const repair =
  (recordSha256: string, body = BODY): Process =>
  async (store) => {
    const newest = await newestManifest(store, RUN);
    const last = (await listVoids(store, RUN)).at(-1);
    const { signal } = new AbortController();
    await voidShard({ store, run: RUN, shard: 0, reason: 'corrupt', detail: 'another sha256', recordSha256, newest, last, signal });
    await encode('of the repair', body)(store);
  };

const LATER = new ShowtellError('RUN_STUCK', 'The finalizer looks again later');
/** The finalizer itself; where it would look again later, it ends. */
export const finalize: Process = (store) =>
  finalizeRun(
    { run: RUN },
    { job: {} as never, token: '', signal: new AbortController().signal },
    {
      store,
      runs: { get: async () => run } as never,
      logger: pino({ level: 'silent' }),
      queues: new Proxy({} as never, {
        get: () => {
          throw LATER;
        },
      }),
    },
  );

export async function damagedRun(): Promise<{ objects: Objects; recordSha256: string }> {
  const objects = new Map<string, Buffer>();
  const store = {
    put: async (key: string, body: Uint8Array) => void objects.set(key, Buffer.from(body)),
    putIfAbsent: async (key: string, body: Uint8Array) => ({ created: objects.set(key, Buffer.from(body)) !== undefined }),
    head: async () => undefined,
    get: async (key: string) => objects.has(key) && { body: objects.get(key)!, etag: '' },
    async *list() {},
  } as unknown as ObjectStore;
  await encode('first')(store);
  return { objects, recordSha256: sha256(objects.get(RECORD)!) };
}

const manifests = (objects: Objects) => [...objects.keys()].filter((key) => key.startsWith(keys.manifests(RUN)));

/**
 * A manifest names bodies that are there, for ever; manifests and void records never change; of commit records only the one that the
 * repair has found goes.
 */
const always =
  (found: Buffer | undefined) =>
  (objects: Objects, before: Objects): void => {
    const [now, then] = [objects.get(RECORD), before.get(RECORD)];
    if (then && !now?.equals(then) && !found?.equals(then)) throw new Error('A commit record that was made is gone');
    for (const key of manifests(objects)) {
      const { shards, report } = parseRecord(ManifestRecord, MANIFEST_FORMAT, objects.get(key)!, key);
      for (const { key: named, bytes } of [...shards, report!])
        if (objects.get(named)?.length !== bytes) throw new Error(`${key} names ${named}, which is not there`);
    }
    for (const [key, body] of before)
      if (key.startsWith(keys.manifests(RUN)) || key.startsWith(keys.voids(RUN)))
        if (!objects.get(key)?.equals(body)) throw new Error(`${key} has changed`);
  };

/** After all, whoever calls the command again and the finalizer once more leave a run that is whole. */
async function afterwards(store: ObjectStore, objects: Objects): Promise<void> {
  await encode('afterwards')(store);
  await finalize(store);
  const record = (await readCommit(store, RUN, 0))!;
  expect(sha256(objects.get(record.key)!)).toBe(record.sha256);
  const { manifest } = await newestManifest(store, RUN);
  expect(manifest!.shards).toMatchObject([{ key: record.key, sha256: record.sha256 }]);
  expect(tellsOf(manifest!, run, await listVoids(store, RUN))).toBe(true);
  const report = JSON.parse(objects.get(manifest!.report!.key)!.toString()) as { shardBytes: number };
  expect(report.shardBytes).toBe(record.bytes);
}

type Explorable = Pick<Scenario, 'objects' | 'processes' | 'crashes' | 'lostAnswers' | 'whole'>;
export const exploreShard = (scenario: Explorable) =>
  explore({ ...scenario, always: always(scenario.objects?.get(RECORD)), afterwards: (store, { objects }) => afterwards(store, objects) });
