import { Field, Int64, makeData, Utf8 } from 'apache-arrow';
import type { PlanRow } from '../schema/plan';
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

const SCHEMA = arrowSchema<Record<TextColumn, Utf8> & { bytes: Int64 }>('plan', 1, [
  ...textColumns.map((name) => new Field(name, new Utf8(), false)),
  new Field('bytes', new Int64(), false),
]);

/** The samples of one shard as an Arrow file. The same rows give the same bytes. */
export function encodePlanRows(rows: readonly PlanRow[]): Buffer {
  const bytes = BigInt64Array.from(rows, (row) => BigInt(row.bytes));
  return writeArrowFile(
    SCHEMA,
    [
      ...textColumns.map((name) => textColumn(rows.map((row) => row[TEXT_COLUMNS[name]]))),
      makeData({ type: new Int64(), length: rows.length, nullCount: 0, data: bytes }),
    ],
    rows.length,
  );
}

/** Throws `CORRUPT_OBJECT` (or `FORMAT_VERSION`) naming `where`. Check the sha256 before: a flipped bit can hang the parser. */
export function decodePlanRows(file: Uint8Array, where: string): PlanRow[] {
  const batch = readArrowFile(() => SCHEMA, file, where);
  const columns = textColumns.map((name) => [TEXT_COLUMNS[name], batch.getChild(name)!] as const);
  const bytes = batch.getChild('bytes')!;
  return Array.from({ length: batch.numRows }, (_, row) => {
    const text = Object.fromEntries(columns.map(([name, column]) => [name, column.get(row)!])) as Record<
      (typeof TEXT_COLUMNS)[TextColumn],
      string
    >;
    return { ...text, bytes: Number(bytes.get(row)) };
  });
}
