import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { FileStore } from '@showtell/shared/object-store/file';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { encodeRecord } from '@showtell/shared/schema/record';
import { type Table, tableFromIPC } from 'apache-arrow';
import { readParquet } from 'parquet-wasm';
import { exportRun } from '../../src/admin/export-run';

const folder = mkdtempSync(join(tmpdir(), 'showtell-export-'));
const at = (...names: string[]) => join(folder, ...names);
const store = new FileStore(at('store'));
afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const DIMENSION = 6;
const encoder = { encoder: 'e', weightsSha256: 'a'.repeat(64), preprocessing: 'p', precision: 'float32' as const, dimension: DIMENSION };

interface Shard {
  readonly split: string;
  readonly images: readonly string[];
  readonly dropped?: readonly string[];
}

/** In `b` the captions come in another order than the shards, which a run with a base has. */
const SHARDS: readonly Shard[] = [
  { split: 'b', images: ['30', '31', '32'], dropped: ['31'] },
  { split: 'a', images: ['1', '2', '3'] },
  { split: 'a', images: ['4'] },
  { split: 'a', images: [] },
  { split: 'b', images: ['10'] },
];
/** Of rejected images, too; some have none. */
const CAPTIONS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  a: [
    ['1', 'ein Hund'],
    ['1', 'a “dog” 🐕'],
    ['2', 'a cat'],
    ['99', 'of a rejected image'],
    ['4', 'a boat'],
  ],
  b: [
    ['10', 'ten'],
    ['30', 'thirty'],
    ['31', 'of another run'],
  ],
};
const featureOf = (image: string) => Float32Array.from({ length: DIMENSION }, (_, index) => Number(image) + index / 7);

async function writeRun(run: string, shards = SHARDS, number = 1): Promise<ManifestRecord> {
  const part = async (key: (sha: string) => string, body: Buffer) => {
    await store.put(key(sha256(body)), body);
    return { key: key(sha256(body)), bytes: body.length, sha256: sha256(body) };
  };
  const splits = [...new Set(shards.map(({ split }) => split))].sort();
  const manifest: ManifestRecord = {
    formatVersion: 1,
    run,
    number,
    planSha256: sha256('plan'),
    encoder,
    shards: await Promise.all(
      shards.map(async ({ split, images, dropped = [] }, shard) => ({
        ...(await part(
          (sha) => keys.shard(run, shard, sha),
          encodeFeatureRows(
            images.map((imageId) => ({ imageId, fileName: `${imageId}.jpg`, feature: featureOf(imageId) })),
            DIMENSION,
          ),
        )),
        shard,
        split,
        rows: images.length - dropped.length,
        rejected: 0,
        ...(dropped.length > 0 && { dropped: [...dropped] }),
      })),
    ),
    captions: await Promise.all(
      splits.map(async (split) => ({
        ...(await part(
          (sha) => keys.captions(run, split, sha),
          encodeCaptionRows(CAPTIONS[split]!.map(([imageId, caption]) => ({ imageId, caption }))),
        )),
        split,
        rows: CAPTIONS[split]!.length,
      })),
    ),
    splits: splits.map((split) => ({ split, rows: 0, rejected: 0, captions: CAPTIONS[split]!.length })),
    rejected: {},
  };
  await store.put(keys.manifest(run, number), encodeRecord(manifest));
  return manifest;
}

const row = (image: string, split: string, captions: readonly string[]) => ({
  image_id: image,
  file_name: `${image}.jpg`,
  split,
  captions,
  feature: [...featureOf(image)],
});
const WHOLE = [
  row('1', 'a', ['ein Hund', 'a “dog” 🐕']),
  row('2', 'a', ['a cat']),
  row('3', 'a', []),
  row('4', 'a', ['a boat']),
  row('30', 'b', ['thirty']),
  row('32', 'b', []),
  row('10', 'b', ['ten']),
];

const rowsOf = (table: Table) =>
  table.toArray().map((found) => {
    const { captions, feature, ...text } = (found as { toJSON: () => Record<string, unknown> }).toJSON();
    return { ...text, captions: [...(captions as Iterable<string>)], feature: [...(feature as Iterable<number>)] };
  });
const arrowTable = (name: string) => tableFromIPC(readFileSync(at(name)));
const parquetTable = (name: string) => tableFromIPC(readParquet(readFileSync(at(name))).intoIPCStream());
/** What a folder has of one export; nothing else may be beside it. */
const left = (prefix: string) => readdirSync(folder).filter((name) => name.startsWith(prefix));

beforeAll(() => writeRun('run'));

test('arrow: a batch for each shard with samples, splits one after the other, captions beside the features', async () => {
  const progress: (readonly [number, number])[] = [];
  const onProgress = (...now: [number, number]) => progress.push(now);
  const report = await exportRun(store, { run: 'run', out: at('whole.arrow'), format: 'arrow', onProgress });
  const table = arrowTable('whole.arrow');
  expect(rowsOf(table)).toEqual(WHOLE);
  expect(table.batches.map(({ numRows }) => numRows)).toEqual([3, 1, 2, 1]);
  expect(table.schema.fields.map(({ name, type, nullable }) => `${name} ${String(type)} ${nullable}`)).toEqual([
    'image_id Utf8 false',
    'file_name Utf8 false',
    'split Utf8 false',
    'captions List<Utf8> false',
    'feature FixedSizeList[6]<Float32> false',
  ]);
  expect(JSON.parse(table.schema.metadata.get('showtell.encoder')!)).toEqual(encoder);
  expect(JSON.parse(table.schema.metadata.get('showtell.export')!)).toMatchObject({ run: 'run', manifest: { number: 1 } });
  expect(progress).toEqual([3, 4, 6, 7].map((done) => [done, 7]));
  expect(report).toMatchObject({
    path: at('whole.arrow'),
    bytes: readFileSync(at('whole.arrow')).length,
    manifest: { number: 1, key: keys.manifest('run', 1), sha256: sha256(readFileSync(at('store', keys.manifest('run', 1)))) },
    splits: [
      { split: 'a', samples: 4 },
      { split: 'b', samples: 3 },
    ],
    samples: 7,
    captions: 6,
  });
});

test('parquet: the same columns and rows', async () => {
  await exportRun(store, { run: 'run', out: at('whole.parquet'), format: 'parquet' });
  const table = parquetTable('whole.parquet');
  expect(rowsOf(table)).toEqual(WHOLE);
  expect(String(table.schema.fields[4]!.type)).toBe('FixedSizeList[6]<Float32>');
});

test('npy: features of which every row has its line', async () => {
  const { bytes } = await exportRun(store, { run: 'run', out: at('whole'), format: 'npy' });
  const npy = readFileSync(at('whole', 'features.npy'));
  const start = 10 + npy.readUInt16LE(8);
  expect(start % 64).toBe(0);
  expect(npy.subarray(0, 8).toString('latin1')).toBe('\u0093NUMPY\u0001\u0000');
  expect(npy.subarray(10, start).toString()).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(7, 6\), \} *\n$/);
  const features = new Float32Array(npy.buffer.slice(npy.byteOffset + start, npy.byteOffset + npy.length));
  const lines = readFileSync(at('whole', 'samples.jsonl'), 'utf8').trim().split('\n');
  const rows = lines.map((line, index) => ({
    ...(JSON.parse(line) as object),
    feature: [...features.subarray(index * DIMENSION, (index + 1) * DIMENSION)],
  }));
  expect(rows).toEqual(WHOLE);
  expect(JSON.parse(readFileSync(at('whole', 'export.json'), 'utf8'))).toMatchObject({ run: 'run', encoder });
  expect(readdirSync(at('whole')).sort()).toEqual(['export.json', 'features.npy', 'samples.jsonl']);
  expect(bytes).toBe(readdirSync(at('whole')).reduce((sum, name) => sum + readFileSync(at('whole', name)).length, 0));
});

test.each(['arrow', 'parquet'] as const)('%s: the same splits of the same manifest give the same bytes', async (format) => {
  const bodies: Buffer[] = [];
  for (const name of ['first', 'second']) {
    await exportRun(store, { run: 'run', out: at(`${name}-${format}`), format, splits: ['b', 'a', 'b'] });
    bodies.push(readFileSync(at(`${name}-${format}`)));
  }
  expect(bodies[0]!.equals(bodies[1]!)).toBe(true);
  const table = format === 'arrow' ? arrowTable('first-arrow') : parquetTable('first-parquet');
  expect(rowsOf(table)).toEqual([...WHOLE.slice(4), ...WHOLE.slice(0, 4)]);
});

test('of a split without any sample there are columns, and no rows', async () => {
  await writeRun('empty', [{ split: 'a', images: [] }]);
  for (const format of ['arrow', 'parquet', 'npy'] as const) await exportRun(store, { run: 'empty', out: at(`empty.${format}`), format });
  expect(arrowTable('empty.arrow')).toMatchObject({ numRows: 0, numCols: 5 });
  expect(parquetTable('empty.parquet')).toMatchObject({ numRows: 0, numCols: 5 });
  expect(readFileSync(at('empty.npy', 'features.npy')).toString('latin1')).toMatch(/'shape': \(0, 6\)/);
  expect(readFileSync(at('empty.npy', 'samples.jsonl'))).toHaveLength(0);
});

test('the newest manifest is taken, or the one asked for', async () => {
  await writeRun('twice', SHARDS.slice(1, 3), 1);
  await writeRun('twice', SHARDS.slice(1, 2), 2);
  const samples = async (manifest?: number) =>
    (await exportRun(store, { run: 'twice', out: at(`m${manifest}`), format: 'arrow', manifest })).samples;
  expect(await samples()).toBe(3);
  expect(await samples(1)).toBe(4);
  await expect(samples(3)).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'Run twice has no manifest 3; its newest is 2' });
});

describe.each(['arrow', 'parquet', 'npy'] as const)('%s', (format) => {
  const out = (name: string) => ({ out: at(`${name}-${format}`), format });

  test('what is there stays as it is', async () => {
    writeFileSync(at(`taken-${format}`), 'mine');
    await expect(exportRun(store, { run: 'run', ...out('taken') })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(`taken-${format}`),
    });
    expect(readFileSync(at(`taken-${format}`), 'utf8')).toBe('mine');
    expect(left(`taken-${format}`)).toEqual([`taken-${format}`]);
  });

  test('a damaged shard is named, and leaves nothing behind', async () => {
    const { shards } = await writeRun(`damaged-${format}`);
    const { key, bytes } = shards[2]!;
    await store.put(key, Buffer.alloc(bytes));
    await expect(exportRun(store, { run: `damaged-${format}`, ...out('damaged') })).rejects.toMatchObject({
      code: 'CORRUPT_SHARD',
      message: expect.stringContaining(key),
    });
    expect(left(`damaged-${format}`)).toEqual([]);
  });

  test('who stops it gets nothing', async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error('stopped'));
    await expect(exportRun(store, { run: 'run', ...out('stopped'), signal: controller.signal, onProgress })).rejects.toThrow('stopped');
    expect(left(`stopped-${format}`)).toEqual([]);
  });
});

test('a folder that is a file is FILE_DENIED', async () => {
  writeFileSync(at('file'), '');
  await expect(exportRun(store, { run: 'run', out: at('file', 'x.arrow'), format: 'arrow' })).rejects.toMatchObject({
    code: 'FILE_DENIED',
  });
  await exportRun(store, { run: 'run', out: at('new', 'folders', 'x.arrow'), format: 'arrow' });
  expect(existsSync(at('new', 'folders', 'x.arrow'))).toBe(true);
});

test('a split that is not there is NOT_FOUND', async () => {
  await expect(exportRun(store, { run: 'run', out: at('c'), format: 'arrow', splits: ['c'] })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'Run run has no split "c"; there are: a, b',
  });
});
