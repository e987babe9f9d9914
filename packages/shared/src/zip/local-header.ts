import { parseExtraFields } from 'yauzl';
import { entryName, LOCAL_HEADER_BYTES, type ZipEntry } from './zip-entry';
import { corruptZip } from './zip-errors';

const SIGNATURE = 'PK\x03\x04';
/** Bits of the flags: sizes and checksum follow the bytes; whatever is encrypted. */
const SIZES_FOLLOW = 0x8;
const ENCRYPTED = 0x2041;
const IN_ZIP64_FIELD = 0xffffffff;
const ZIP64_FIELD = 0x0001;

/** Bytes of a local header with its name and extra fields, of which `header` has the beginning. */
export function headerLength(header: Buffer, archive: string, { entry }: ZipEntry): number {
  const signature = header.toString('latin1', 0, 4);
  if (signature !== SIGNATURE) throw corruptZip({ archive, entry }, `Expected a local header but received ${JSON.stringify(signature)}`);
  return LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
}

/**
 * Checks that a whole local header is that of the entry.
 * @throws ShowtellError `CORRUPT_ZIP` with what differs
 */
export function checkLocalHeader(header: Buffer, archive: string, planned: ZipEntry): void {
  const expect = (what: string, expected: number | string, received: number | string) => {
    if (received === expected) return;
    throw corruptZip({ archive, entry: planned.entry }, `Expected ${what} ${expected} in its local header but received ${received}`);
  };
  const flags = header.readUInt16LE(6);
  const nameEnd = LOCAL_HEADER_BYTES + header.readUInt16LE(26);
  const extraFields = fieldsOf(header.subarray(nameEnd), archive, planned);
  expect('name', planned.entry, entryName(flags, header.subarray(LOCAL_HEADER_BYTES, nameEnd), extraFields));
  expect('no encryption, flags', 0, flags & ENCRYPTED);
  expect('method', planned.method, header.readUInt16LE(8));
  const large = extraFields.find(({ id }) => id === ZIP64_FIELD)?.data;
  const found = {
    crc32: header.readUInt32LE(14),
    compressedBytes: sizeOf(header.readUInt32LE(18), large, 8),
    bytes: sizeOf(header.readUInt32LE(22), large, 0),
  };
  for (const name of ['crc32', 'compressedBytes', 'bytes'] as const)
    if (found[name] !== 0 || (flags & SIZES_FOLLOW) === 0) expect(name, planned[name], found[name]);
}

/** Local headers have both sizes in their zip64 field, or neither. */
function sizeOf(size: number, large: Buffer | undefined, place: number): number {
  return size === IN_ZIP64_FIELD && large !== undefined && large.length >= 16 ? Number(large.readBigUInt64LE(place)) : size;
}

function fieldsOf(bytes: Buffer, archive: string, { entry }: ZipEntry) {
  try {
    return parseExtraFields(bytes);
  } catch (error) {
    throw corruptZip({ archive, entry }, `Expected extra fields in its local header but received something else`, error);
  }
}
