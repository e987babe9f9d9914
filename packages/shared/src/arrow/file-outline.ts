import { Flatbuffer, type Table } from './flatbuffer';

/** Format.fbs of Apache Arrow, as far as the files go that Showtell writes; numbers are bytes. */
const KEY_VALUE: Table = ['text', 'text'];
const METADATA = { tables: () => KEY_VALUE };
/** By their numbers: integers, floating-point numbers, text and lists of a fixed size, and what has no parameters but numbers. */
const TYPES: Readonly<Record<number, Table>> = {
  1: [],
  2: [4, 1],
  3: [2],
  4: [],
  5: [],
  6: [],
  7: [4, 4, 4],
  8: [2],
  12: [],
  13: [],
  15: [4],
  16: [4],
  19: [],
  20: [],
  21: [],
};
const FIELD: Table = ['text', 1, 1, { kinds: TYPES }, { table: () => DICTIONARY }, { tables: () => FIELD }, METADATA];
const DICTIONARY: Table = [8, { kinds: {} }, 1, 2];
const SCHEMA: Table = [2, { tables: () => FIELD }, METADATA, { structs: 8 }];
const BLOCK_BYTES = 24;
const FOOTER: Table = [2, { table: () => SCHEMA }, { structs: BLOCK_BYTES }, { structs: BLOCK_BYTES }, METADATA];
const RECORD_BATCH_KIND = 3;
/** Of a column its length and its nulls, of a buffer its place and its length. */
const PAIR_BYTES = 16;
const RECORD_BATCH: Table = [8, { structs: PAIR_BYTES }, { structs: PAIR_BYTES }, { kinds: {} }, { structs: 8 }];
const MESSAGE: Table = [2, 1, { kinds: { [RECORD_BATCH_KIND]: RECORD_BATCH } }, 8, METADATA];

const MAGIC = 'ARROW1';
/** With its padding, and the footer's length before that at the end. */
const HEAD_BYTES = 8;
const TAIL_BYTES = 4 + MAGIC.length;
const CONTINUATION = 0xffffffff;

/**
 * Checks the outline of an Arrow file with one record batch: that all it says of lengths and places lies within it. Reading another one
 * with arrow-js may take for ever, or all memory.
 * @throws RangeError that says what is wrong
 */
export function checkOutline(file: Uint8Array): void {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const ends = [bytes.toString('latin1', 0, MAGIC.length), bytes.toString('latin1', Math.max(0, bytes.length - MAGIC.length))];
  if (bytes.length < HEAD_BYTES + TAIL_BYTES || ends.some((end) => end !== MAGIC))
    throw new RangeError('expected the Arrow file format but received something else');
  const footerBytes = bytes.readInt32LE(bytes.length - TAIL_BYTES);
  const footerStart = bytes.length - TAIL_BYTES - footerBytes;
  if (footerBytes < 0 || footerStart < HEAD_BYTES) throw new RangeError(`expected a footer but received ${footerBytes} bytes for one`);
  const footer = bytes.subarray(footerStart, footerStart + footerBytes);
  const { batches, dictionaries } = readFooter(footer);
  if (batches.length !== 1 || dictionaries > 0)
    throw new RangeError(`expected one record batch but received ${batches.length}, and ${dictionaries} dictionaries`);
  checkBatch(bytes.subarray(0, footerStart), batches[0]!);
}

interface Block {
  readonly offset: number;
  readonly metadataBytes: number;
  readonly bodyBytes: number;
}

function readFooter(bytes: Buffer): { batches: Block[]; dictionaries: number } {
  const footer = new Flatbuffer(bytes);
  const root = footer.check(FOOTER);
  const blocksAt = (slot: number) => {
    const at = footer.field(root, slot);
    if (at === undefined) return [];
    const vector = footer.follow(at);
    return Array.from({ length: bytes.readUInt32LE(vector) }, (_, index) => vector + 4 + index * BLOCK_BYTES);
  };
  const batches = blocksAt(3).map((at) => ({
    offset: Number(bytes.readBigInt64LE(at)),
    metadataBytes: bytes.readInt32LE(at + 8),
    bodyBytes: Number(bytes.readBigInt64LE(at + 16)),
  }));
  return { batches, dictionaries: blocksAt(2).length };
}

/** @param bytes of the file before its footer */
function checkBatch(bytes: Buffer, { offset, metadataBytes, bodyBytes }: Block): void {
  const body = offset + metadataBytes;
  if (offset < HEAD_BYTES || metadataBytes < 8 || bodyBytes < 0 || body + bodyBytes > bytes.length)
    throw new RangeError(`expected a record batch but received ${metadataBytes} and ${bodyBytes} bytes at ${offset} for one`);
  const length = bytes.readInt32LE(offset + 4);
  if (bytes.readUInt32LE(offset) !== CONTINUATION || length < 0 || 8 + length > metadataBytes)
    throw new RangeError(`expected a message of ${metadataBytes} bytes but received one of ${length}`);
  const metadata = bytes.subarray(offset + 8, offset + 8 + length);
  const message = new Flatbuffer(metadata);
  const root = message.check(MESSAGE);
  const header = message.field(root, 2);
  const bodyLength = message.field(root, 3);
  if (header === undefined || Number(bodyLength === undefined ? 0n : metadata.readBigInt64LE(bodyLength)) !== bodyBytes)
    throw new RangeError(`expected a record batch with a body of ${bodyBytes} bytes`);
  const batch = message.follow(header);
  /** Both numbers of the structs of a vector, which lie side by side. */
  const pairsOf = (slot: number): [number, number][] => {
    const at = message.field(batch, slot);
    if (at === undefined) return [];
    const vector = message.follow(at);
    return Array.from({ length: metadata.readUInt32LE(vector) }, (_, index) => {
      const first = vector + 4 + index * PAIR_BYTES;
      return [Number(metadata.readBigInt64LE(first)), Number(metadata.readBigInt64LE(first + 8))];
    });
  };
  // Where it is negative, arrow-js counts for itself.
  for (const [, nulls] of pairsOf(1)) if (nulls !== 0) throw new RangeError('expected no nulls but received some');
  for (const [start, size] of pairsOf(2))
    if (start < 0 || size < 0 || start + size > bodyBytes)
      throw new RangeError(`expected a buffer within ${bodyBytes} bytes but received ${size} at ${start}`);
}
