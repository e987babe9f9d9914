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
  const batch = readArrowFile(() => SCHEMA, file, where);
  const imageId = batch.getChild('image_id')!;
  const caption = batch.getChild('caption')!;
  return Array.from({ length: batch.numRows }, (_, row) => ({ imageId: imageId.get(row)!, caption: caption.get(row)! }));
}
