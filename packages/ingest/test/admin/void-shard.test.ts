import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { encodeRecord } from '@showtell/shared/schema/record';
import { type VoidShardOptions, voidShard } from '../../src/admin/void-shard';
import { newestManifest } from '../../src/manifest';
import { listVoids } from '../../src/voids';
import { type CommittedRun, writeCommittedRun } from '../committed-run';

let folder: string;
let store: ObjectStore;
let made: CommittedRun;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-void-'));
  store = new FileStore(folder);
  made = await writeCommittedRun(store, 'mine');
});
afterEach(() => rmSync(folder, { recursive: true }));

const key = keys.commit('mine', 1);
const bodyOf = async () => (await store.get(key))?.body;

async function options(more: Partial<VoidShardOptions> = {}): Promise<VoidShardOptions> {
  const body = await bodyOf();
  return {
    store,
    run: 'mine',
    shard: 1,
    reason: 'corrupt',
    detail: 'why',
    recordSha256: body === undefined ? null : sha256(body),
    newest: await newestManifest(store, 'mine'),
    last: (await listVoids(store, 'mine')).findLast(({ shard }) => shard === 1),
    signal: new AbortController().signal,
    ...more,
  };
}

test('the record is copied, then gone; the body stays', async () => {
  const [, commit] = made.commits;
  expect(await voidShard(await options())).toMatchObject({ number: 1, manifest: 1, was: commit!.sha256, record: commit });
  expect(await bodyOf()).toBeUndefined();
  expect(await store.head(commit!.key)).toBeDefined();
  await store.put(key, encodeRecord({ ...commit, rows: 2 }));
  expect(await voidShard(await options({ reason: 'retry' }))).toMatchObject({ number: 2, reason: 'retry' });
  expect(await listVoids(store, 'mine')).toEqual([
    { shard: 1, number: 1 },
    { shard: 1, number: 2 },
  ]);
});

test('of what is no record its beginning is kept, and what the manifest said of the body', async () => {
  await store.put(key, Buffer.alloc(10_000, 7));
  const record = await voidShard(await options());
  expect(record).toMatchObject({ record: null, was: made.commits[1]!.sha256 });
  expect(Buffer.from(record!.unreadable!, 'base64')).toEqual(Buffer.alloc(4_096, 7));
});

test('a record that was lost is told of once', async () => {
  await store.delete(key);
  expect(await voidShard(await options({ reason: 'missing' }))).toMatchObject({ number: 1, record: null, recordSha256: null });
  expect(await voidShard(await options({ reason: 'missing' }))).toMatchObject({ number: 1 });
  expect(await listVoids(store, 'mine')).toHaveLength(1);
});

test('a record that is lost again, after a manifest, is told of again', async () => {
  await store.delete(key);
  await voidShard(await options({ reason: 'missing' }));
  const { manifest } = await newestManifest(store, 'mine');
  await store.put(keys.manifest('mine', 2), encodeRecord({ ...manifest, number: 2 }));
  expect(await voidShard(await options({ reason: 'missing' }))).toMatchObject({ number: 2, manifest: 2 });
});

test('a record that is another than was found is left alone, and so is one that came meanwhile', async () => {
  expect(await voidShard(await options({ recordSha256: 'f'.repeat(64) }))).toBeUndefined();
  expect(await voidShard(await options({ recordSha256: null }))).toBeUndefined();
  expect(await bodyOf()).toBeDefined();
  expect(await listVoids(store, 'mine')).toEqual([]);
});

test('a record that is made before a late deletion stays', async () => {
  const late = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      if (name !== 'delete') return value.bind(target) as unknown;
      return async (...args: Parameters<typeof store.delete>) => {
        await store.delete(key);
        await store.putIfAbsent(key, encodeRecord(made.commits[1]!));
        await store.delete(...args);
      };
    },
  });
  await store.put(key, encodeRecord({ ...made.commits[1], rows: 2 }));
  expect(await voidShard(await options({ store: late }))).toMatchObject({ number: 1 });
  expect(await bodyOf()).toEqual(encodeRecord(made.commits[1]!));
});

test('killed between copy and deletion, it goes on where it was', async () => {
  const stop = new AbortController();
  const killed = new Proxy(store, {
    get(target, name) {
      if (name === 'delete') return () => Promise.reject(new Error('killed'));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await expect(voidShard(await options({ store: killed, signal: stop.signal }))).rejects.toThrow('killed');
  expect(await bodyOf()).toBeDefined();
  expect(await voidShard(await options())).toMatchObject({ number: 1 });
  expect(await bodyOf()).toBeUndefined();
  expect(await listVoids(store, 'mine')).toHaveLength(1);
});

test('a number that another took meanwhile is not written over', async () => {
  const before = await options();
  await store.put(keys.void('mine', 1, 1), encodeRecord({ ...(await voidShard(before)), recordSha256: 'a'.repeat(64) }));
  await store.put(key, encodeRecord(made.commits[1]));
  expect(await voidShard({ ...before, last: undefined })).toMatchObject({ number: 2 });
});

test('whoever has lost the lock deletes nothing', async () => {
  const lock = new AbortController();
  const slow = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        const result: unknown = await value.apply(target, args);
        if (name === 'putIfAbsent') lock.abort(new Error('lost'));
        return result;
      };
    },
  });
  await expect(voidShard(await options({ store: slow, signal: lock.signal }))).rejects.toThrow('lost');
  expect(await bodyOf()).toBeDefined();
});
