import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { encodeRecord } from '@showtell/shared/schema/record';
import { verifyRun } from '../../src/admin/verify';
import { type VoidShardOptions, voidShard } from '../../src/admin/void-shard';
import { newestManifest } from '../../src/manifest';
import { type CommittedRun, writeCommittedRun } from '../committed-run';

let folder: string;
let store: ObjectStore;
let made: CommittedRun;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-verify-'));
  store = new FileStore(folder);
  made = await writeCommittedRun(store, 'mine');
});
afterEach(() => rmSync(folder, { recursive: true }));

const verify = async (quick = false, run = 'mine') => (await verifyRun({ store, run, quick })).report;
const flip = async (key: string) => {
  const body = Buffer.from((await store.get(key))!.body);
  body[body.length >> 1]! ^= 1;
  await store.put(key, body);
};
const cut = async (key: string) => void (await store.put(key, (await store.get(key))!.body.subarray(1)));

test.each([false, true])('a run that is in order (quick: %s)', async (quick) => {
  const seen: number[] = [];
  const { report } = await verifyRun({ store, run: 'mine', quick, onProgress: (done, total) => seen.push(done / total) });
  expect(report).toEqual({
    run: 'mine',
    quick,
    shards: { planned: 3, intact: 3, damaged: 0, waiting: 0 },
    samples: { encoded: 8, rejected: 1 },
    bases: [],
    manifest: 1,
    manifestDue: false,
    bodiesWithoutRecord: { count: 0, bytes: 0 },
    findings: [],
  });
  expect(seen.at(-1)).toBe(1);
});

test('what is not encoded yet is no damage, nor a body without a record; what was in a manifest is lost', async () => {
  await store.delete(keys.commit('mine', 1));
  expect(await verify()).toMatchObject({
    shards: { intact: 2, damaged: 1, waiting: 0 },
    findings: [{ what: 'missing', shard: 1, where: keys.commit('mine', 1), mend: 'encode' }],
  });
  await store.delete(keys.manifest('mine', 1));
  const report = await verify();
  expect(report).toMatchObject({ shards: { intact: 2, damaged: 0, waiting: 1 }, manifest: 0, manifestDue: false, findings: [] });
  expect(report.bodiesWithoutRecord).toEqual({ count: 1, bytes: made.commits[1]!.bytes });
  await store.put(keys.commit('mine', 1), encodeRecord(made.commits[1]));
  expect(await verify()).toMatchObject({ shards: { intact: 3 }, manifestDue: true, findings: [] });
});

/** As a retry takes shard 1 away. */
async function retried(): Promise<VoidShardOptions> {
  const { records } = await verifyRun({ store, run: 'mine' });
  const newest = await newestManifest(store, 'mine');
  const recordSha256 = records.get(1)!;
  const { signal } = new AbortController();
  return { store, run: 'mine', shard: 1, reason: 'retry', detail: '', recordSha256, newest, last: undefined, signal };
}

test('a shard that was taken away is waited for, and then a manifest that tells of it', async () => {
  const take = await retried();
  await voidShard(take);
  expect(await verify()).toMatchObject({ shards: { intact: 2, damaged: 0, waiting: 1 }, findings: [] });
  await store.put(keys.commit('mine', 1), encodeRecord(made.commits[1]));
  expect(await verify()).toMatchObject({ shards: { intact: 3 }, manifestDue: true, findings: [] });
  // A manifest that never told of it, and the record lost once more: now it is damage.
  await store.put(keys.manifest('mine', 2), encodeRecord({ ...take.newest.manifest, number: 2 }));
  await store.delete(keys.commit('mine', 1));
  expect(await verify()).toMatchObject({ findings: [{ what: 'missing', shard: 1 }] });
});

test('what a retry takes away while it looks is waited for, and what is encoded again meanwhile makes a manifest due', async () => {
  const take = await retried();
  const get = store.get.bind(store);
  const meanwhile = (work: () => Promise<unknown>) => {
    store.get = async (key, options) => {
      if (key !== keys.commit('mine', 1)) return get(key, options);
      store.get = get;
      await work();
      return get(key, options);
    };
  };
  meanwhile(() => voidShard(take));
  expect(await verify()).toMatchObject({ shards: { intact: 2, damaged: 0, waiting: 1 }, findings: [] });
  await rm(join(folder, 'runs/mine/void'), { recursive: true });
  await store.put(keys.commit('mine', 1), encodeRecord(made.commits[1]));
  meanwhile(async () => {
    await voidShard(take);
    await store.put(keys.commit('mine', 1), encodeRecord(made.commits[1]));
  });
  expect(await verify()).toMatchObject({ shards: { intact: 3 }, manifestDue: true, findings: [] });
});

test('a damaged record of what was taken away is named, with what to do', async () => {
  await store.put(keys.void('mine', 1, 1), Buffer.from('x'));
  const finding = {
    what: 'corrupt',
    shard: 1,
    where: keys.void('mine', 1, 1),
    message: 'the void record is not JSON',
    mend: 'operator',
    hint: expect.stringContaining('delete it') as string,
  };
  expect(await verify()).toMatchObject({ shards: { intact: 3 }, manifestDue: false, findings: [finding] });
  await store.put(keys.void('mine', 1, 1), Buffer.from('{"formatVersion":9}'));
  expect(await verify()).toMatchObject({
    findings: [{ ...finding, message: expect.stringContaining('9') as string, hint: expect.any(String) as string }],
  });
  await store.delete(keys.commit('mine', 1));
  // Whether the shard was taken away before or after the manifest, only the void record could say.
  expect(await verify()).toMatchObject({ shards: { damaged: 0, waiting: 1 }, findings: [{ where: keys.void('mine', 1, 1) }] });
  await store.put(keys.commit('mine', 1), encodeRecord(made.commits[1]));
  await store.delete(keys.void('mine', 1, 1));
  expect(await verify()).toMatchObject({ manifestDue: false, findings: [] });
});

test.each([
  ['captions', () => made.run.plan.captions[0]!.key],
  ['weights', () => keys.weights(made.run.plan.encoder.weightsSha256)],
])('damaged %s are the operator’s to mend', async (_what, keyOf) => {
  await flip(keyOf());
  expect(await verify()).toMatchObject({
    shards: { intact: 3 },
    findings: [{ what: 'corrupt', where: keyOf(), mend: 'operator', hint: expect.any(String) as string }],
  });
  await store.delete(keyOf());
  for (const quick of [false, true])
    expect((await verify(quick)).findings).toMatchObject([{ what: 'missing', where: keyOf(), mend: 'operator' }]);
});

test('a shard whose part of the plan is damaged is not taken away: it could not be encoded again', async () => {
  const part = made.run.plan.shards[2]!.key;
  await cut(part);
  await cut(made.commits[2]!.key);
  for (const quick of [false, true])
    expect((await verify(quick)).findings).toMatchObject([
      { what: 'corrupt', shard: 2, where: part, mend: 'operator' },
      { what: 'corrupt', shard: 2, where: made.commits[2]!.key, mend: 'operator' },
    ]);
});

test('a record of another version of the format is not taken away, garbage is', async () => {
  await store.put(keys.commit('mine', 0), encodeRecord({ ...made.commits[0], formatVersion: 2 }));
  await store.put(keys.commit('mine', 1), Buffer.from('{}'));
  expect((await verify()).findings).toMatchObject([
    { what: 'corrupt', shard: 0, mend: 'operator' },
    { what: 'corrupt', shard: 1, mend: 'encode' },
  ]);
});

test.each([
  ['run', { run: 'other' }],
  ['shard', { shard: 2 }],
  ['split', { split: 'val' }],
  ['plan', { planSha256: 'f'.repeat(64) }],
])('a record of another %s is foreign', async (_what, more) => {
  await store.put(keys.commit('mine', 1), encodeRecord({ ...made.commits[1], ...more }));
  expect((await verify()).findings).toMatchObject([{ what: 'foreign', shard: 1, mend: 'encode' }]);
});

test('a record that names another key or counts otherwise is corrupt', async () => {
  await store.put(keys.commit('mine', 0), encodeRecord({ ...made.commits[0], key: made.commits[1]!.key }));
  await store.put(keys.commit('mine', 1), encodeRecord({ ...made.commits[1], rows: 2 }));
  for (const quick of [false, true])
    expect((await verify(quick)).findings).toMatchObject([
      { what: 'corrupt', shard: 0, where: keys.commit('mine', 0) },
      { what: 'corrupt', shard: 1 },
    ]);
});

test('a quick look sees what is gone or of another size, and not a bit', async () => {
  await store.delete(made.commits[0]!.key);
  await cut(made.commits[1]!.key);
  await flip(made.commits[2]!.key);
  expect((await verify(true)).findings.map(({ shard, what }) => [shard, what])).toEqual([
    [0, 'missing'],
    [1, 'corrupt'],
  ]);
  expect((await verify()).shards.damaged).toBe(3);
});

test('records of shards that the plan has not are named; what merely lies beside them is not', async () => {
  await store.put(keys.commit('mine', 7), encodeRecord({ ...made.commits[1], shard: 7 }));
  await store.put('runs/mine/commits/00001.json.bak', Buffer.from('x'));
  await store.put('runs/mine/commits/1.json', Buffer.from('x'));
  expect((await verify()).findings).toMatchObject([{ what: 'unplanned', shard: 7, where: keys.commit('mine', 7), mend: 'void' }]);
});

test('a newest manifest that is damaged, or says something else, is named', async () => {
  const { report: _, ...manifest } = (await newestManifest(store, 'mine')).manifest!;
  await store.put(keys.manifest('mine', 2), encodeRecord({ ...manifest, number: 2, rejected: {} }));
  expect((await verify()).findings).toMatchObject([{ what: 'stale', where: keys.manifest('mine', 2), mend: 'manifest' }]);
  await store.put(keys.manifest('mine', 2), Buffer.from('x'));
  expect((await verify()).findings).toMatchObject([{ what: 'corrupt', where: keys.manifest('mine', 2), mend: 'manifest' }]);
});

test.each([
  ['run.json', keys.runJson('mine')],
  ['plan.json', keys.plan('mine')],
])('a run whose %s is damaged or gone is named as such', async (_what, key) => {
  const { body } = (await store.get(key))!;
  await store.put(key, Buffer.from('x'));
  expect((await verify()).findings).toMatchObject([{ what: 'corrupt', where: key, mend: 'operator' }]);
  await store.delete(key);
  expect((await verify()).findings).toMatchObject([{ where: key, mend: 'operator' }]);
  await store.put(key, Buffer.from(body.toString().replace('"microBatch":2', '"microBatch":3')));
  expect((await verify()).findings.map(({ what }) => what)).toContain(key === keys.plan('mine') ? 'foreign' : 'corrupt');
});

test('shards taken over from another run are checked, and are that run’s to mend', async () => {
  const base = { run: 'mine', manifest: 1, sha256: 'a'.repeat(64), shards: [...made.shards] };
  await writeCommittedRun(store, 'next', { ...base, shards: [{ ...made.shards[0]!, rows: 2, dropped: ['2'] }, made.shards[2]!] });
  expect(await verify(false, 'next')).toMatchObject({ bases: [{ run: 'mine', shards: 2, damaged: 0 }], findings: [] });
  await flip(made.commits[0]!.key);
  await store.delete(made.commits[2]!.key);
  const report = await verify(false, 'next');
  expect(report).toMatchObject({
    shards: { planned: 3, intact: 3 },
    bases: [{ run: 'mine', shards: 2, damaged: 2 }],
    findings: [
      { what: 'corrupt', run: 'mine', shard: 0, mend: 'base' },
      { what: 'missing', run: 'mine', shard: 2, mend: 'base' },
    ],
  });
  expect(report.findings[0]!.hint).toMatch(/showtell verify mine --repair.*--base mine/);
});

test('a run that is not there, and one without a plan', async () => {
  await expect(verify(false, 'other')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('there are: mine') as string,
  });
  await expect(verify(false, '../mine')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await store.put(keys.runJson('bare'), encodeRecord({ ...made.run.request, run: 'bare' }));
  await expect(verify(false, 'bare')).rejects.toMatchObject({ code: 'MISSING_SHARDS' });
});
