import { Field, Utf8 } from 'apache-arrow';
import type { CaptionRow } from '../schema/plan';
import { arrowSchema, readArrowFile, textColumn, writeArrowFile } from './arrow-file';

const SCHEMA = arrowSchema<{ image_id: Utf8; caption: Utf8 }>('captions', 1, [
  new Field('image_id', new Utf8(), false),
  new Field('caption', new Utf8(), false),
]);

/** The captions of one split as an Arrow file, one row a caption. The same rows give the same bytes. */
export function encodeCaptionRows(rows: readonly CaptionRow[]): Buffer {
  return writeArrowFile(SCHEMA, [textColumn(rows.map((row) => row.imageId)), textColumn(rows.map((row) => row.caption))], rows.length);
}

/** Throws `CORRUPT_OBJECT` (or `FORMAT_VERSION`) naming `where`. Check the sha256 before: a flipped bit can hang the parser. */
export function decodeCaptionRows(file: Uint8Array, where: string): CaptionRow[] {
  const { rows, imageId, caption } = decodeCaptionColumns(file, where);
  return Array.from({ length: rows }, (_, row) => ({ imageId: imageId(row), caption: caption(row) }));
}

/** The captions of a split in the bytes of their file, without an object for each. */
export interface CaptionColumns {
  readonly rows: number;
  readonly imageId: (row: number) => string;
  readonly caption: (row: number) => string;
}

/** Shares memory with `file`. Errors as of `decodeCaptionRows`. */
export function decodeCaptionColumns(file: Uint8Array, where: string): CaptionColumns {
  const batch = readArrowFile(() => SCHEMA, file, where);
  const imageId = batch.getChild('image_id')!;
  const caption = batch.getChild('caption')!;
  return { rows: batch.numRows, imageId: (row) => imageId.get(row)!, caption: (row) => caption.get(row)! };
}
