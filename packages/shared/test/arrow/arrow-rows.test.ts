import { execFileSync } from 'node:child_process';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import * as fc from 'fast-check';
import { arrowSchema, writeArrowFile } from '../../src/arrow/arrow-file';
import { decodeCaptionRows, encodeCaptionRows } from '../../src/arrow/caption-rows';
import { decodeFeatureRows, encodeFeatureRows } from '../../src/arrow/feature-rows';
import { decodePlanRows, encodePlanRows } from '../../src/arrow/plan-rows';
import { sha256 } from '../../src/hash';

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const planRow = fc.record({
  imageId: text,
  fileName: text,
  sourceKey: text,
  etag: text,
  bytes: fc.maxSafeNat(),
  licence: text,
  url: text,
});

test('plan rows are read back as they were, and the same rows give the same bytes', () => {
  fc.assert(
    fc.property(fc.array(planRow, { maxLength: 20 }), (rows) => {
      const file = encodePlanRows(rows);
      expect(decodePlanRows(file, 'plan')).toEqual(rows);
      expect(sha256(encodePlanRows(rows.map((row) => ({ ...row }))))).toBe(sha256(file));
    }),
    { numRuns: 50 },
  );
});

const zipPlace = fc.record({
  entry: text,
  method: fc.constantFrom(0, 8),
  crc32: fc.nat(2 ** 32 - 1),
  compressedBytes: fc.maxSafeNat(),
  offset: fc.maxSafeNat(),
});

test('plan rows of photos in zip archives are read back as they were, in columns of their own', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(planRow, zipPlace), { minLength: 1, maxLength: 20 }), (pairs) => {
      const rows = pairs.map(([row, zip]) => ({ ...row, zip }));
      expect(decodePlanRows(encodePlanRows(rows), 'plan')).toEqual(rows);
      expect(() => encodePlanRows([...rows, pairs[0]![0]])).toThrow(/all .* photos of a shard in zip archives or none/);
    }),
    { numRuns: 50 },
  );
});

test('a plan without zip archives has the bytes that it always had', () => {
  const rows = [{ imageId: '9', fileName: 'é.jpg', sourceKey: 'val/é.jpg', etag: '"x"', bytes: 2 ** 40, licence: '4', url: '' }];
  expect(sha256(encodePlanRows(rows))).toBe('848b69e8f8191ab82bfae93d4f8ed559e95e3826c74b1d1cc8661b8fccd3a9c4');
});

test('caption rows are read back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ imageId: text, caption: text }), { maxLength: 20 }), (rows) => {
      expect(decodeCaptionRows(encodeCaptionRows(rows), 'captions')).toEqual(rows);
    }),
    { numRuns: 50 },
  );
});

test.each([0, 1, 3])('a shard of %d rows is read back to the last bit, from any place in memory', (count) => {
  const rows = Array.from({ length: count }, (_, row) => ({
    imageId: String(row),
    fileName: `${row} é.jpg`,
    feature: Float32Array.from({ length: 5 }, (_unused, column) => Math.fround((row + 1) / (column + 3))),
  }));
  const file = encodeFeatureRows(rows, 5);
  for (const offset of [0, 1, 4]) {
    const moved = Buffer.alloc(file.length + offset);
    moved.set(file, offset);
    const read = decodeFeatureRows(moved.subarray(offset), 'shard');
    expect(read).toEqual({
      imageIds: rows.map((row) => row.imageId),
      fileNames: rows.map((row) => row.fileName),
      features: Float32Array.from(rows.flatMap((row) => [...row.feature])),
      dimension: 5,
    });
  }
});

test('a feature of another length is refused', () => {
  expect(() => encodeFeatureRows([{ imageId: 'a', fileName: 'a.jpg', feature: new Float32Array(4) }], 5)).toThrow(/Expected 5 numbers/);
});

test.each([
  ['nothing', Buffer.alloc(0), 'CORRUPT_OBJECT'],
  ['no Arrow file', Buffer.from('<html>no such key</html>'), 'CORRUPT_OBJECT'],
  ['half a file', encodePlanRows([]).subarray(0, 200), 'CORRUPT_OBJECT'],
  ['an Arrow stream', Buffer.from(tableToIPC(tableFromArrays({ image_id: ['a'] }), 'stream')), 'CORRUPT_OBJECT'],
  ['another Arrow file', Buffer.from(tableToIPC(tableFromArrays({ image_id: ['a'] }), 'file')), 'CORRUPT_OBJECT'],
  ['another kind', encodeCaptionRows([{ imageId: '1', caption: 'a' }]), 'CORRUPT_OBJECT'],
  ['a shard', encodeFeatureRows([], 3), 'CORRUPT_OBJECT'],
  ['another version', writeArrowFile(arrowSchema('plan', 2, []), [], 0), 'FORMAT_VERSION'],
])('%s is refused where plan rows are expected', (_name, file, code) => {
  expect(() => decodePlanRows(file, 'runs/r/plan/00000.arrow')).toThrow(
    expect.objectContaining({ code, retryable: false, message: expect.stringContaining('runs/r/plan/00000.arrow') }),
  );
});

const python = ((): boolean => {
  try {
    execFileSync('python3', ['-c', 'import pyarrow'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

(python ? describe : describe.skip)(`pyarrow${python ? '' : ' (skipped: python3 with pyarrow is absent)'}`, () => {
  test('reads all three kinds', () => {
    const files = [
      encodePlanRows([{ imageId: '9', fileName: 'é.jpg', sourceKey: 'val/é.jpg', etag: '"x"', bytes: 2 ** 40, licence: '4', url: '' }]),
      encodeCaptionRows([{ imageId: '9', caption: 'Ein Bär' }]),
      encodeFeatureRows([{ imageId: '9', fileName: 'é.jpg', feature: Float32Array.of(1.5, -2) }], 2),
    ];
    const script =
      'import sys,json,base64,pyarrow as pa; print(json.dumps([pa.ipc.open_file(base64.b64decode(f)).read_all().to_pylist() for f in json.load(sys.stdin)]))';
    const output = execFileSync('python3', ['-c', script], { input: JSON.stringify(files.map((file) => file.toString('base64'))) });
    expect(JSON.parse(output.toString())).toEqual([
      [{ image_id: '9', file_name: 'é.jpg', source_key: 'val/é.jpg', etag: '"x"', bytes: 2 ** 40, licence: '4', url: '' }],
      [{ image_id: '9', caption: 'Ein Bär' }],
      [{ image_id: '9', file_name: 'é.jpg', feature: [1.5, -2] }],
    ]);
  });
});
