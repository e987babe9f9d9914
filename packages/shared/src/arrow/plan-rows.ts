import { type Data, Field, Int64, makeData, type Schema, Uint8, Uint32, Utf8, type Vector } from 'apache-arrow';
import { ShowtellError } from '../errors';
import type { PlanRow, ZipPlace } from '../schema/plan';
import { arrowSchema, readArrowFile, textColumn, writeArrowFile } from './arrow-file';

const TEXT_COLUMNS = {
  image_id: 'imageId',
  file_name: 'fileName',
  source_key: 'sourceKey',
  etag: 'etag',
  licence: 'licence',
  url: 'url',
} as const;
type TextColumn = keyof typeof TEXT_COLUMNS;
const textColumns = Object.keys(TEXT_COLUMNS) as TextColumn[];

type PlanColumns = Record<TextColumn, Utf8> & { bytes: Int64 };
type ZipColumns = { zip_entry: Utf8; zip_method: Uint8; zip_crc32: Uint32; zip_compressed_bytes: Int64; zip_offset: Int64 };
type AnyColumns = PlanColumns & ZipColumns;

const FIELDS = [...textColumns.map((name) => new Field(name, new Utf8(), false)), new Field('bytes', new Int64(), false)];
const SCHEMA = arrowSchema<PlanColumns>('plan', 1, FIELDS);
/** Of photos that are entries of zip archives. */
const ZIP_SCHEMA = arrowSchema<AnyColumns>('plan', 1, [
  ...FIELDS,
  new Field('zip_entry', new Utf8(), false),
  new Field('zip_method', new Uint8(), false),
  new Field('zip_crc32', new Uint32(), false),
  new Field('zip_compressed_bytes', new Int64(), false),
  new Field('zip_offset', new Int64(), false),
]);

/** The samples of one shard as an Arrow file. The same rows give the same bytes. Either all of them lie in zip archives or none. */
export function encodePlanRows(rows: readonly PlanRow[]): Buffer {
  const columns: Data[] = [
    ...textColumns.map((name) => textColumn(rows.map((row) => row[TEXT_COLUMNS[name]]))),
    integers(rows.map((row) => row.bytes)),
  ];
  const places = rows.flatMap(({ zip }) => zip ?? []);
  if (places.length === 0) return writeArrowFile(SCHEMA, columns, rows.length);
  if (places.length < rows.length)
    throw new ShowtellError('BUG', `Expected all ${rows.length} photos of a shard in zip archives or none but received ${places.length}`);
  return writeArrowFile(ZIP_SCHEMA, [...columns, ...zipColumns(places)], rows.length);
}

function zipColumns(places: readonly ZipPlace[]): Data[] {
  const { length } = places;
  return [
    textColumn(places.map(({ entry }) => entry)),
    makeData({ type: new Uint8(), length, nullCount: 0, data: Uint8Array.from(places, ({ method }) => method) }),
    makeData({ type: new Uint32(), length, nullCount: 0, data: Uint32Array.from(places, ({ crc32 }) => crc32) }),
    integers(places.map(({ compressedBytes }) => compressedBytes)),
    integers(places.map(({ offset }) => offset)),
  ];
}

function integers(values: readonly number[]): Data<Int64> {
  return makeData({ type: new Int64(), length: values.length, nullCount: 0, data: BigInt64Array.from(values, BigInt) });
}

/** Throws `CORRUPT_OBJECT` (or `FORMAT_VERSION`) naming `where`. Check the sha256 before: a flipped bit can hang the parser. */
export function decodePlanRows(file: Uint8Array, where: string): PlanRow[] {
  const batch = readArrowFile<AnyColumns>((found) => (isZipped(found) ? ZIP_SCHEMA : SCHEMA) as Schema<AnyColumns>, file, where);
  const column = <Name extends keyof AnyColumns>(name: Name) => batch.getChild(name)!;
  const columns = textColumns.map((name) => [TEXT_COLUMNS[name], column(name)] as const);
  const bytes = column('bytes');
  const count = (name: string, value: bigint | null) =>
    countOf(value!, () => `${where}: expected a count for ${name} but received ${value}`);
  const placeOf = isZipped(batch.schema) ? zipPlaces(column, count) : undefined;
  return Array.from({ length: batch.numRows }, (_, row) => {
    const text = Object.fromEntries(columns.map(([name, values]) => [name, values.get(row)!])) as Record<
      (typeof TEXT_COLUMNS)[TextColumn],
      string
    >;
    return { ...text, bytes: count('bytes', bytes.get(row)), ...(placeOf && { zip: placeOf(row) }) };
  });
}

const isZipped = (schema: Schema) => schema.names.includes('zip_entry');

/** What was never negative, nor more than a number holds. */
function countOf(value: bigint, otherwise: () => string): number {
  if (value < 0n || value > Number.MAX_SAFE_INTEGER) throw new ShowtellError('CORRUPT_OBJECT', otherwise(), { retryable: false });
  return Number(value);
}

function zipPlaces(
  column: <Name extends keyof ZipColumns>(name: Name) => Vector<ZipColumns[Name]>,
  count: (name: string, value: bigint | null) => number,
): (row: number) => ZipPlace {
  const [entry, method, crc32] = [column('zip_entry'), column('zip_method'), column('zip_crc32')];
  const [compressedBytes, offset] = [column('zip_compressed_bytes'), column('zip_offset')];
  return (row) => ({
    entry: entry.get(row)!,
    method: method.get(row)!,
    crc32: crc32.get(row)!,
    compressedBytes: count('zip_compressed_bytes', compressedBytes.get(row)),
    offset: count('zip_offset', offset.get(row)),
  });
}
