import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildPlan } from '@showtell/ingest/admin/build-plan';
import { Findings } from '@showtell/ingest/source/findings';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import { encodeRecord } from '@showtell/shared/schema/record';
import { RUN_FORMAT, type RunRecord } from '@showtell/shared/schema/run';
import { tableFromIPC } from 'apache-arrow';
import { DIMENSION, ENCODER, writeTinyRun } from '../../trainer/test/tiny-run';
import { expectOneMessage, runProgram } from './run-program';

const folder = mkdtempSync(join(tmpdir(), 'showtell-export-'));
const at = (...names: string[]) => join(folder, ...names);
const store = new FileStore(at('store'));
const run = (...args: string[]) => runProgram([...args, '--store', pathToFileURL(at('store')).href], { cwd: folder });

/** A run that is planned and of which nothing is encoded. */
async function writePlannedRun(): Promise<void> {
  const { encoder, weightsSha256, preprocessing } = ENCODER;
  const settings = { encoder, weights: 'bundled', weightsSha256, preprocessing, precision: 'float32' as const, dimension: DIMENSION };
  const source = { kind: 'coco' as const, url: 'file:///photos' };
  const planned = {
    formatVersion: RUN_FORMAT,
    run: 'planned',
    source,
    splits: [],
    ...settings,
    shardRows: 2,
    microBatch: 1,
    strict: false,
  };
  const samples = [1, 2, 3].map((image) => ({
    imageId: String(image),
    fileName: `${image}.jpg`,
    sourceKey: `train/${image}.jpg`,
    etag: 'e',
    bytes: 100,
    licence: '',
    url: '',
  }));
  const splits = [{ split: 'train', samples, captions: [{ imageId: '2', caption: 'a dog' }] }];
  const { parts, record } = buildPlan(planned as RunRecord, { splits, findings: new Findings().result() });
  for (const { key, body } of parts) await store.put(key, body);
  await store.put(keys.runJson('planned'), encodeRecord(planned));
  await store.put(keys.plan('planned'), encodeRecord(record));
}

beforeAll(async () => {
  await writeTinyRun(store);
  await writePlannedRun();
});
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test('export writes a file, says what is in it, and tells how far it is', async () => {
  const { code, stdout, stderr } = await run('export', 'tiny', '--out', 'tiny.arrow');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '  Exporting 45/45 (100 %)\n' });
  expect(stdout).toMatch(
    /^45 samples with 90 captions \(train, val\) of tiny, manifest 1, in .*\/tiny\.arrow\n0\.0 MB in .* s; features of 6 numbers/,
  );
  expect(tableFromIPC(readFileSync(at('tiny.arrow'))).numRows).toBe(45);
});

test('another format and split, with the report as JSON', async () => {
  const { code, stdout } = await run('export', 'tiny', '--format', 'npy', '--split', 'val', '--out', 'val', '--json');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    path: at('val'),
    format: 'npy',
    run: 'tiny',
    splits: [{ split: 'val', samples: 12 }],
    captions: 24,
  });
  expect(existsSync(at('val'))).toBe(true);
});

test('show prints one sample, or its JSON', async () => {
  const { code, stdout } = await run('show', 'planned', '2');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^2 of planned\n {2}State +waiting for its shard: showtell status planned\n[^]*\n1 caption\n {2}a dog\n$/);
  const json = await run('show', 'planned', '2.jpg', '--json', '--feature');
  expect(JSON.parse(json.stdout)).toMatchObject({ imageId: '2', state: 'waiting', shard: 0, feature: null, commit: null });
});

test.each([
  ['an export without a place', ['export', 'tiny'], 2, 'USAGE', /--out/],
  ['a run that is not complete', ['export', 'planned', '--out', 'x'], 6, 'MISSING_SHARDS', /2 of 2 shards are missing: 0, 1/],
  ['numbers that only JSON has', ['show', 'planned', '1', '--feature'], 2, 'USAGE', /--json with --feature/],
])('%s', async (_what, args, exit, code, message) => {
  const { code: ended, stdout, stderr } = await run(...args);
  expect({ ended, stdout }).toEqual({ ended: exit, stdout: '' });
  expectOneMessage(stderr, code);
  expect(stderr).toMatch(message);
  expect(readdirSync(folder).filter((name) => name.startsWith('x'))).toEqual([]);
});
