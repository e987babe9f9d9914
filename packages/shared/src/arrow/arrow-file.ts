import { isUtf8 } from 'node:buffer';
import {
  type Data,
  DataType,
  type Field,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchReader,
  Schema,
  Struct,
  tableFromIPC,
  Utf8,
} from 'apache-arrow';
import { ShowtellError } from '../errors';
import { checkOutline } from './file-outline';

/** Key of the schema metadata that says what a file is, for our decoders and for people who look at it with other tools. */
const KIND = 'showtell';
const LARGEST_COLUMN = 2 ** 31 - 1;

export type Columns = Record<string, DataType>;

/** One frozen schema object per kind of file: arrow-js silently drops a batch whose schema is another. */
export function arrowSchema<T extends Columns>(kind: string, version: number, fields: readonly Field[]): Schema<T> {
  return new Schema<T>([...fields] as Field<T[keyof T]>[], new Map([[KIND, `${kind}/${version}`]]));
}

/**
 * The bytes of an Arrow *file* with one record batch, no compression (arrow-js writes lz4 and zstd bodies that others reject)
 * and nothing in it but schema and rows: the same rows always give the same bytes.
 */
export function writeArrowFile(schema: Schema, columns: readonly Data[], rows: number): Buffer {
  const struct = makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children: [...columns] });
  const bytes = RecordBatchFileWriter.writeAll([new RecordBatch(schema, struct)]).toUint8Array(true);
  const written = tableFromIPC(bytes).numRows;
  if (written !== rows) throw new ShowtellError('BUG', `Expected ${rows} rows in the Arrow file just written but received ${written}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The one record batch of a file of the schema that is expected, given the one found (for kinds whose type has a parameter).
 * Anything else is `CORRUPT_OBJECT`, another version of the same kind `FORMAT_VERSION`; `where` is the key or path, for the message.
 */
export function readArrowFile<T extends Columns>(expected: (found: Schema) => Schema<T>, bytes: Uint8Array, where: string): RecordBatch<T> {
  const corrupt = (message: string, cause?: unknown) =>
    new ShowtellError('CORRUPT_OBJECT', `${where}: ${message}`, { cause, retryable: false });
  const batches: RecordBatch[] = [];
  try {
    checkOutline(bytes);
  } catch (error) {
    throw corrupt((error as RangeError).message, error);
  }
  try {
    const reader = RecordBatchReader.from(aligned(bytes)).open();
    if (!reader.isFile()) throw corrupt('expected the Arrow file format but received something else');
    batches.push(...reader);
  } catch (error) {
    throw error instanceof ShowtellError ? error : corrupt('cannot be read as an Arrow file', error);
  }
  const found = batches[0];
  if (found === undefined || batches.length > 1) throw corrupt(`expected one record batch but received ${batches.length}`);
  const schema = expected(found.schema);
  const kind = schema.metadata.get(KIND);
  const foundKind = found.schema.metadata.get(KIND);
  if (kind?.split('/')[0] === foundKind?.split('/')[0] && kind !== foundKind)
    throw new ShowtellError('FORMAT_VERSION', `Expected ${kind} in ${where} but received ${foundKind}`, {
      hint: 'Use the version of Showtell that wrote it, or make the run again.',
    });
  if (kind !== foundKind || columnsOf(schema) !== columnsOf(found.schema))
    throw corrupt(
      `expected ${kind} with columns ${columnsOf(schema)} but received ${foundKind ?? 'no kind'} with ${columnsOf(found.schema)}`,
    );
  for (const column of found.data.children) checkColumn(column, found.numRows, corrupt);
  return found as RecordBatch<T>;
}

/** A batch says how many rows it has, and each column how many values: only what their buffers hold is there. */
function checkColumn(column: Data, rows: number, corrupt: (message: string) => ShowtellError): void {
  const { type, length, nullCount, values, valueOffsets, children } = column;
  if (nullCount !== 0) throw corrupt('expected no nulls but received some');
  if (length !== rows) throw corrupt(`expected ${rows} values in a column but received ${length}`);
  if (DataType.isFixedSizeList(type)) return checkColumn(children[0]!, rows * type.listSize, corrupt);
  if (!DataType.isUtf8(type)) {
    if ((values as ArrayLike<unknown>).length < rows) throw corrupt(`expected ${rows} numbers in a column but received fewer`);
    return;
  }
  const offsets = valueOffsets as Int32Array;
  if (rows > 0 && (offsets.length <= rows || offsets[0] !== 0)) throw corrupt(`expected ${rows} texts in a column but received fewer`);
  const text = values as Uint8Array;
  for (let row = 0; row < rows; row++) {
    const [start, end] = [offsets[row]!, offsets[row + 1]!];
    // What would begin within a character belongs to none.
    if (start > end || end > text.length || (end < text.length && isContinuation(text[end]!)))
      throw corrupt(`expected text within ${text.length} bytes but received ${start} to ${end}`);
  }
  if (rows > 0 && !isUtf8(text.subarray(0, offsets[rows]))) throw corrupt('expected text in UTF-8 but received something else');
}

const isContinuation = (byte: number) => (byte & 0xc0) === 0x80;

/** A column of text, as UTF-8 with 32-bit offsets. */
export function textColumn(values: readonly string[]): Data<Utf8> {
  const valueOffsets = new Int32Array(values.length + 1);
  let total = 0;
  for (const [index, value] of values.entries()) {
    total += Buffer.byteLength(value);
    if (total > LARGEST_COLUMN) throw new ShowtellError('BUG', `Expected at most ${LARGEST_COLUMN} bytes of text in one Arrow column`);
    valueOffsets[index + 1] = total;
  }
  const data = Buffer.alloc(total);
  for (const [index, value] of values.entries()) data.write(value, valueOffsets[index]!);
  return makeData({ type: new Utf8(), length: values.length, nullCount: 0, valueOffsets, data });
}

/** Arrow views its buffers as typed arrays in place, which needs a file that begins on an 8-byte boundary. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}

function columnsOf(schema: Schema): string {
  return schema.fields.map((field) => `${field.name} ${String(field.type)}${field.nullable ? '?' : ''}`).join(', ');
}
