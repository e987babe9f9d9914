import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import { RUN_FORMAT, type RunRecord } from '@showtell/shared/schema/run';
import { SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { type BuiltPlan, buildPlan } from '../../src/admin/build-plan';
import { showSample } from '../../src/admin/show-sample';
import { Findings } from '../../src/source/findings';

const folder = mkdtempSync(join(tmpdir(), 'showtell-show-'));
const store = new FileStore(folder);
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const DIMENSION = 4;
const request = (run: string, more: Partial<RunRecord> = {}): RunRecord => ({
  formatVersion: RUN_FORMAT,
  run,
  source: { kind: 'coco', url: 'file:///photos' },
  splits: [],
  encoder: 'e',
  weights: 'bundled',
  weightsSha256: 'a'.repeat(64),
  dimension: DIMENSION,
  preprocessing: 'p',
  precision: 'float32',
  shardRows: 2,
  microBatch: 1,
  strict: false,
  ...more,
});
const rowOf = (imageId: string, split: string): PlanRow => ({
  imageId,
  fileName: `${imageId}.jpg`,
  sourceKey: `${split}/${imageId}.jpg`,
  etag: `"${imageId}"`,
  bytes: 100,
  licence: 'by',
  url: `http://photos/${imageId}`,
});
const splitOf = (split: string, ids: readonly string[]) => ({
  split,
  samples: ids.map((id) => rowOf(id, split)),
  captions: ids.slice(1).flatMap((imageId) => [1, 2].map((n) => ({ imageId, caption: `caption ${n} of ${imageId}` }))),
});
const featureOf = (imageId: string) => Float32Array.of(Number(imageId), 0, -1, 2);

async function writePlan(record: RunRecord, built: BuiltPlan): Promise<void> {
  for (const { key, body } of built.parts) await store.put(key, body);
  await store.put(keys.runJson(record.run), encodeRecord(record));
  await store.put(keys.plan(record.run), encodeRecord(built.record));
}

/** Commits a shard of the images that are not rejected. */
async function commitShard({ record }: BuiltPlan, shard: number, images: readonly string[], rejected: readonly string[] = []) {
  const { run, encoder, shards } = record;
  const rows = images.map((imageId) => ({ imageId, fileName: `${imageId}.jpg`, feature: featureOf(imageId) }));
  const body = encodeFeatureRows(rows, DIMENSION);
  const key = keys.shard(run, shard, sha256(body));
  await store.put(key, body);
  const part = { key, bytes: body.length, sha256: sha256(body), rows: rows.length };
  const execution = { worker: 'w', engine: 'onnx', provider: 'CPU', device: 'cpu', deviceName: 'CPU', threads: 1, versions: {} };
  await store.put(
    keys.commit(run, shard),
    encodeRecord({
      formatVersion: SHARD_FORMAT,
      run,
      shard,
      split: shards[shard]!.split,
      ...part,
      rejected: rejected.map((imageId) => ({ imageId, code: 'TRUNCATED', reason: `${imageId} ends early` })),
      encoder,
      planSha256: sha256(encodeRecord(record)),
      execution: { ...execution, seconds: 1, encodeSeconds: 1, at: '2026-01-01T00:00:00.000Z' },
    }),
  );
  return part;
}

const findings = new Findings().result();
const old = buildPlan(request('old'), { splits: [splitOf('train', ['1', '2', '3', '4']), splitOf('val', ['10'])], findings });
let oldParts: Awaited<ReturnType<typeof commitShard>>[];

beforeAll(async () => {
  await writePlan(request('old'), old);
  oldParts = [await commitShard(old, 0, ['1', '2']), await commitShard(old, 1, ['4'], ['3'])];
});

const show = (image: string, run = 'old') => showSample(store, { run, image });

test('a sample that is encoded: its plan, captions, place and feature', async () => {
  const found = await show('2');
  expect(found).toMatchObject({
    state: 'committed',
    split: 'train',
    planned: rowOf('2', 'train'),
    source: { url: 'file:///photos' },
    captions: ['caption 1 of 2', 'caption 2 of 2'],
    encodedBy: 'old',
    shard: 0,
    row: 1,
    rejection: undefined,
  });
  expect(found.commit?.key).toBe(oldParts[0]!.key);
  expect(found.feature).toEqual(featureOf('2'));
});

test('its row is that of the body, which rejected images are not in', async () => {
  expect(await show('4')).toMatchObject({ state: 'committed', shard: 1, row: 0, feature: featureOf('4') });
});

test('a rejected one: why, and no feature', async () => {
  expect(await show('3')).toMatchObject({
    state: 'rejected',
    rejection: { code: 'TRUNCATED', reason: '3 ends early' },
    shard: 1,
    row: undefined,
    feature: undefined,
  });
});

test('one of a shard that is not committed, and without captions', async () => {
  expect(await show('10')).toMatchObject({ state: 'waiting', split: 'val', shard: 2, captions: [], commit: undefined, feature: undefined });
});

test('by file name, telling how far it is', async () => {
  const progress: (readonly [number, number])[] = [];
  const found = await showSample(store, { run: 'old', image: '10.jpg', onProgress: (...now) => progress.push(now) });
  expect(found.planned.imageId).toBe('10');
  expect(progress).toEqual([1, 2, 3].map((done) => [done, 3]));
});

test('of a run with a base: in the run that encoded it, unless it does not belong to the new one', async () => {
  const { key, bytes, sha256: sha } = oldParts[0]!;
  const manifestShard = { shard: 0, split: 'train', key, bytes, sha256: sha, rows: 1, rejected: 0, run: 'old', dropped: ['1'] };
  const base = { run: 'old', manifest: 1, sha256: 'b'.repeat(64), shards: [manifestShard] };
  const dataset = { splits: [splitOf('test', ['1']), splitOf('train', ['2', '5'])], findings };
  const left = new Map([
    ['test', [rowOf('1', 'test')]],
    ['train', [rowOf('5', 'train')]],
  ]);
  const built = buildPlan(request('new', { base: 'old' }), dataset, { takenOver: { base, left } as never });
  await writePlan(request('new', { base: 'old' }), built);
  expect(await show('2', 'new')).toMatchObject({
    run: 'new',
    encodedBy: 'old',
    split: 'train',
    shard: 0,
    row: 1,
    state: 'committed',
    captions: [],
  });
  // Moved to another split, so it is encoded again; what the base has of it is not this run's.
  expect(await show('1', 'new')).toMatchObject({ encodedBy: 'new', split: 'test', state: 'waiting' });
  expect(await show('5', 'new')).toMatchObject({
    encodedBy: 'new',
    split: 'train',
    shard: 1,
    captions: ['caption 1 of 5', 'caption 2 of 5'],
  });
  await expect(show('4', 'new')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('of a run with a base: what the base rejected is none of it, unless it was planned again; what the base encodes again later changes nothing', async () => {
  const first = buildPlan(request('first'), { splits: [splitOf('train', ['1', '2', '3', '4'])], findings });
  await writePlan(request('first'), first);
  const parts = [await commitShard(first, 0, ['1'], ['2']), await commitShard(first, 1, ['4'], ['3'])];
  const shards = parts.map((part, shard) => ({ shard, split: 'train', ...part, rejected: 0, run: 'first' }));
  const base = { run: 'first', manifest: 1, sha256: 'b'.repeat(64), shards };
  const second = buildPlan(
    request('second', { base: 'first' }),
    { splits: [splitOf('train', ['1', '2', '4'])], findings },
    { takenOver: { base, left: new Map([['train', [rowOf('2', 'train')]]]) } as never },
  );
  await writePlan(request('second', { base: 'first' }), second);

  for (const image of ['3', '3.jpg']) await expect(show(image, 'second')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  for (const image of ['2', '2.jpg']) expect(await show(image, 'second')).toMatchObject({ encodedBy: 'second', state: 'waiting' });
  expect(await show('4', 'second')).toMatchObject({ encodedBy: 'first', shardKey: parts[1]!.key, commit: { key: parts[1]!.key } });

  await commitShard(first, 1, ['3'], ['4']);
  expect(await show('4', 'first')).toMatchObject({ state: 'rejected' });
  expect(await show('4', 'second')).toMatchObject({
    state: 'committed',
    feature: featureOf('4'),
    row: 0,
    shardKey: parts[1]!.key,
    commit: undefined,
    rejection: undefined,
  });
});

test.each([
  ['no such run', 'absent', '1', 'NOT_FOUND', /No run "absent" .*there are: .*old/],
  ['a name that is none', '../x', '1', 'NOT_FOUND', /No run "..\/x"/],
  ['no such image', 'old', '5', 'NOT_FOUND', /Run old has no image with the id or file name "5"/],
])('%s', async (_what, run, image, code, message) => {
  await expect(show(image, run)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

test('what an image is like is told to who looks for one that is not there', async () => {
  await expect(show('5')).rejects.toMatchObject({ hint: 'Its first one has the id 1 and the file name 1.jpg, in split train.' });
});

test('a file name that several images have is no choice', async () => {
  const splits = ['train', 'val'].map((split, index) => ({
    split,
    samples: [{ ...rowOf(String(index), split), fileName: 'same.jpg' }],
    captions: [],
  }));
  await writePlan(request('twins'), buildPlan(request('twins'), { splits, findings }));
  await expect(show('same.jpg', 'twins')).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(/^2 images of run twins have the file name same\.jpg: \d \((train|val)\), \d \((train|val)\)$/),
  });
});

test('a run that is claimed and not planned', async () => {
  await store.put(keys.runJson('claimed'), encodeRecord(request('claimed')));
  await expect(show('1', 'claimed')).rejects.toMatchObject({ code: 'MISSING_SHARDS' });
});

test('a damaged shard is CORRUPT_SHARD', async () => {
  const built = buildPlan(request('bad'), { splits: [splitOf('train', ['1', '2'])], findings });
  await writePlan(request('bad'), built);
  // As if another program had committed other images.
  await commitShard(built, 0, ['1', '7']);
  await expect(show('2', 'bad')).rejects.toMatchObject({ code: 'CORRUPT_SHARD', message: expect.stringMatching(/image 2 .*neither/) });
  const { key, bytes } = await commitShard(built, 0, ['1', '2']);
  await store.put(key, Buffer.alloc(bytes));
  await expect(show('2', 'bad')).rejects.toMatchObject({ code: 'CORRUPT_SHARD', message: expect.stringContaining(key) });
});
