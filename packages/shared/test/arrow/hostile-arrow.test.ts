import {
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import * as fc from 'fast-check';
import { decodeCaptionRows, encodeCaptionRows } from '../../src/arrow/caption-rows';
import { decodeFeatureRows, encodeFeatureRows } from '../../src/arrow/feature-rows';
import { decodePlanRows, encodePlanRows } from '../../src/arrow/plan-rows';
import { isShowtellError } from '../../src/errors';

const CAPTIONS = encodeCaptionRows([
  { imageId: '1', caption: 'a dog' },
  { imageId: '2', caption: 'ein Bär' },
]);
const FEATURES = encodeFeatureRows(
  ['1', '2', '3'].map((imageId) => ({ imageId, fileName: `${imageId}.jpg`, feature: Float32Array.of(1, 2, 3, 4) })),
  4,
);
const zip = { entry: 'val/1.jpg', method: 8, crc32: 1, compressedBytes: 10, offset: 2 ** 33 };
const PLAN = encodePlanRows([{ imageId: '1', fileName: '1', sourceKey: 'a.zip', etag: 'e', bytes: 5, licence: '', url: '', zip }]);

const corrupt = expect.objectContaining({ code: expect.stringMatching(/^(?:CORRUPT_OBJECT|FORMAT_VERSION)$/) as string, retryable: false });

/** What is read of it is written and read as the same again; or it is refused. Whether it was read. */
function readOrRefused(file: Uint8Array): boolean {
  const readers = [
    () => {
      const rows = decodeCaptionRows(file, 'f');
      expect(decodeCaptionRows(encodeCaptionRows(rows), 'f')).toEqual(rows);
    },
    () => {
      const rows = decodePlanRows(file, 'f');
      expect(decodePlanRows(encodePlanRows(rows), 'f')).toEqual(rows);
    },
    () => {
      const { imageIds, fileNames, features, dimension } = decodeFeatureRows(file, 'f');
      expect([fileNames.length, features.length]).toEqual([imageIds.length, imageIds.length * dimension]);
    },
  ];
  return readers.some((read) => {
    try {
      read();
      return true;
    } catch (error) {
      if (isShowtellError(error) && error.code !== 'BUG') return false;
      throw error;
    }
  });
}

test('of a file with one bit turned something is read, or it is refused: no bit makes it take for ever', () => {
  let read = 0;
  for (let bit = 0; bit < CAPTIONS.length * 8; bit += 5) {
    const file = Buffer.from(CAPTIONS);
    file[bit >> 3]! ^= 1 << (bit & 7);
    if (readOrRefused(file)) read++;
  }
  // Bits of text, of padding and of what nobody looks at.
  expect(read).toBeGreaterThan(20);
  expect(read).toBeLessThan(CAPTIONS.length);
}, 60_000);

const number = fc.oneof(fc.nat(64), fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff, 0x01000000), fc.nat(2 ** 31));
const changes = fc.array(fc.tuple(fc.nat(10_000), number), { minLength: 1, maxLength: 4 });

test.each([
  ['captions', CAPTIONS],
  ['features', FEATURES],
  ['a plan', PLAN],
])('%s with some numbers changed are read, or refused', (_name, file) => {
  let refused = 0;
  fc.assert(
    fc.property(changes, (numbers) => {
      const changed = Buffer.from(file);
      for (const [place, value] of numbers) changed.writeUInt32LE(value, (place * 4) % (changed.length - 3));
      if (!readOrRefused(changed)) refused++;
    }),
    { numRuns: 150 },
  );
  expect(refused).toBeGreaterThan(0);
});

/** Writes a little-endian number wherever this one stands. */
function replaced(file: Buffer, from: bigint, to: bigint): Buffer {
  const wanted = Buffer.alloc(8);
  wanted.writeBigInt64LE(from);
  const changed = Buffer.from(file);
  for (let at = changed.indexOf(wanted); at >= 0; at = changed.indexOf(wanted, at + 8)) changed.writeBigInt64LE(to, at);
  return changed;
}

describe('a plan', () => {
  test.each([
    ['bytes', 5n, -5n],
    ['zip_compressed_bytes', 10n, 2n ** 60n],
    ['zip_offset', 2n ** 33n, -1n],
  ])('with no count for %s is refused', (name, from, to) => {
    expect(() => decodePlanRows(replaced(PLAN, from, to), 'plan')).toThrow(
      expect.objectContaining({ code: 'CORRUPT_OBJECT', message: expect.stringContaining(name) }),
    );
  });
});

function written(schema: Schema, columns: readonly ReturnType<typeof makeData>[], rows: number): Uint8Array {
  return RecordBatchFileWriter.writeAll([
    new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children: [...columns] })),
  ]).toUint8Array(true);
}

const texts = (...values: string[]) => vectorFromArray(values, new Utf8()).data[0]!;
const kind = (name: string) => new Map([['showtell', `${name}/1`]]);
const captionFields = [new Field('image_id', new Utf8(), false), new Field('caption', new Utf8(), false)];

test.each<[string, () => Uint8Array]>([
  ['fewer texts than rows', () => written(new Schema(captionFields, kind('captions')), [texts('1', '2'), texts('a')], 2)],
  [
    'text that begins behind its end',
    () => {
      const caption = texts('a', 'b');
      caption.valueOffsets[1] = 2;
      caption.valueOffsets[2] = 1;
      return written(new Schema(captionFields, kind('captions')), [texts('1', '2'), caption], 2);
    },
  ],
  [
    'text beyond its bytes',
    () => {
      const caption = texts('a', 'b');
      caption.valueOffsets[2] = 1_000_000;
      return written(new Schema(captionFields, kind('captions')), [texts('1', '2'), caption], 2);
    },
  ],
  ['text that is no UTF-8', () => Buffer.from(CAPTIONS.toString('latin1').replace('a dog', 'a \xff\xffg'), 'latin1')],
  [
    'text that ends within a character',
    () => {
      const caption = texts('é', 'b');
      caption.valueOffsets[1] = 1;
      return written(new Schema(captionFields, kind('captions')), [texts('1', '2'), caption], 2);
    },
  ],
  [
    'a dictionary',
    () => {
      const words = vectorFromArray(['a', 'a'], new Dictionary(new Utf8(), new Int32()));
      const fields = [captionFields[0]!, new Field('caption', words.type, false)];
      return written(new Schema(fields, kind('captions')), [texts('1', '2'), words.data[0]!], 2);
    },
  ],
])('captions with %s are refused', (_name, file) => {
  expect(() => decodeCaptionRows(file(), 'captions')).toThrow(corrupt);
});

test.each([0, -1])('features of dimension %d are refused', (dimension) => {
  const type = new FixedSizeList(dimension, new Field('item', new Float32(), false));
  const fields = [new Field('image_id', new Utf8(), false), new Field('file_name', new Utf8(), false), new Field('feature', type, false)];
  const child = makeData({ type: new Float32(), length: 0, nullCount: 0, data: new Float32Array(0) });
  const file = written(
    new Schema(fields, kind('features')),
    [texts('1'), texts('1.jpg'), makeData({ type, length: 1, nullCount: 0, child })],
    1,
  );
  expect(() => decodeFeatureRows(file, 'features')).toThrow(corrupt);
});

test('two record batches are refused', () => {
  const schema = new Schema(captionFields, kind('captions'));
  const batch = () =>
    new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: 1, nullCount: 0, children: [texts('1'), texts('a')] }));
  const file = RecordBatchFileWriter.writeAll([batch(), batch()]).toUint8Array(true);
  expect(() => decodeCaptionRows(file, 'captions')).toThrow(
    expect.objectContaining({ message: expect.stringContaining('one record batch but received 2') }),
  );
});
