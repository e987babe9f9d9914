import { open } from 'node:fs/promises';
import { crc32, deflateRawSync } from 'node:zlib';

/** An entry of an archive that is written for tests and benches: what it says of itself need not be true. */
export interface ZipMember {
  readonly name: string | Buffer;
  readonly body?: Buffer;
  /** 0 (default): stored, 8: deflate; others are said and the bytes stored. */
  readonly method?: number;
  /** Bytes that are left out before the entry; of a file on the disk they take no room. */
  readonly gap?: number;
  /** Sizes and checksum come behind the bytes; the local header has none. */
  readonly descriptor?: boolean;
  /** Sizes and place stand in the extra field for large archives, whether they are large or not. */
  readonly zip64?: boolean;
  /** Bits of the flags besides. */
  readonly flags?: number;
  /** As `stat` gives it: `0o120777` is a symbolic link. */
  readonly mode?: number;
  /** Other extra fields of the local header. */
  readonly localExtra?: Buffer;
  /** What the directory says instead of the truth. */
  readonly says?: Partial<Facts>;
  /** What the local header says instead of the truth. */
  readonly localSays?: Partial<Facts> & { readonly name?: string };
}

interface Facts {
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly bytes: number;
  readonly offset: number;
}

export interface ZipOptions {
  readonly comment?: string;
  /** Writes end records for large archives, whether there is need or not. */
  readonly zip64?: boolean;
  /** What the end record says instead of the truth. */
  readonly says?: { readonly entries?: number; readonly disk?: number };
}

/** Bytes of an archive and where they belong. */
export interface ZipPart {
  readonly position: number;
  readonly bytes: Buffer;
}

const UTF8 = 0x800;
const SIZES_FOLLOW = 0x8;
const LARGE = 0xffffffff;

/** An archive as COCO ships them: stored photos without data descriptors, unless the members say otherwise. */
export function zipFile(members: Iterable<ZipMember>, options?: ZipOptions): Buffer {
  const parts = [...zipParts(members, options)];
  const last = parts.at(-1)!;
  const file = Buffer.alloc(last.position + last.bytes.length);
  for (const { position, bytes } of parts) bytes.copy(file, position);
  return file;
}

/** Writes an archive; what its members leave out becomes a hole of the file. */
export async function writeZipFile(path: string, members: Iterable<ZipMember>, options?: ZipOptions): Promise<void> {
  const file = await open(path, 'w');
  try {
    let pending: Buffer[] = [];
    let begin = 0;
    let end = 0;
    const flush = async () => {
      if (pending.length > 0) await file.write(Buffer.concat(pending), 0, end - begin, begin);
      pending = [];
    };
    for (const { position, bytes } of zipParts(members, options)) {
      if (position !== end || end - begin > 2 ** 22) {
        await flush();
        begin = position;
      }
      pending.push(bytes);
      end = position + bytes.length;
    }
    await flush();
  } finally {
    await file.close();
  }
}

export function* zipParts(members: Iterable<ZipMember>, { comment = '', zip64 = false, says = {} }: ZipOptions = {}): Generator<ZipPart> {
  const directory: Buffer[] = [];
  let position = 0;
  for (const member of members) {
    position += member.gap ?? 0;
    const { local, data, central } = entryParts(member, position);
    yield { position, bytes: local };
    yield { position: position + local.length, bytes: data };
    position += local.length + data.length;
    directory.push(central);
  }
  const start = position;
  for (const bytes of directory) {
    yield { position, bytes };
    position += bytes.length;
  }
  const entries = says.entries ?? directory.length;
  const large = zip64 || entries > 0xffff || start > LARGE;
  yield { position, bytes: endRecords({ entries, start, end: position, large, comment, disk: says.disk ?? 0 }) };
}

function entryParts(member: ZipMember, offset: number): { local: Buffer; data: Buffer; central: Buffer } {
  const { body = Buffer.alloc(0), method = 0, descriptor = false, flags = 0, mode = 0, localExtra = Buffer.alloc(0) } = member;
  const name = Buffer.from(member.name);
  const packed = method === 8 ? deflateRawSync(body) : body;
  const truth: Facts = { method, crc32: crc32(body), compressedBytes: packed.length, bytes: body.length, offset };
  const bits = flags | (descriptor ? SIZES_FOLLOW : 0) | (typeof member.name === 'string' ? UTF8 : 0);

  const told = { ...truth, ...(descriptor && { crc32: 0, compressedBytes: 0, bytes: 0 }), ...member.localSays };
  const toldName = member.localSays?.name === undefined ? name : Buffer.from(member.localSays.name);
  const localExtras = Buffer.concat([member.zip64 ? zip64Field(told.bytes, told.compressedBytes) : Buffer.alloc(0), localExtra]);
  const localHeader = Buffer.alloc(30);
  localHeader.write('PK\x03\x04', 'latin1');
  writeCommon(localHeader.subarray(4), told, { bits, large: member.zip64 ?? false, name: toldName, extras: localExtras });

  const stated = { ...truth, ...member.says };
  const large = (member.zip64 ?? false) || stated.offset >= LARGE;
  const extras = large ? zip64Field(stated.bytes, stated.compressedBytes, stated.offset) : Buffer.alloc(0);
  const record = Buffer.alloc(46);
  record.write('PK\x01\x02', 'latin1');
  record.writeUInt16LE(mode === 0 ? 20 : (3 << 8) | 20, 4);
  writeCommon(record.subarray(6), stated, { bits, large, name, extras });
  record.writeUInt32LE((mode << 16) >>> 0, 38);
  record.writeUInt32LE(large ? LARGE : stated.offset, 42);

  return {
    local: Buffer.concat([localHeader, toldName, localExtras]),
    data: descriptor ? Buffer.concat([packed, descriptorOf(truth)]) : packed,
    central: Buffer.concat([record, name, extras]),
  };
}

interface Common {
  readonly bits: number;
  readonly large: boolean;
  readonly name: Buffer;
  readonly extras: Buffer;
}

/** The fields that a local header and a record of the directory have alike, from "version needed" on. */
function writeCommon(at: Buffer, facts: Facts, { bits, large, name, extras }: Common): void {
  at.writeUInt16LE(large ? 45 : 20, 0);
  at.writeUInt16LE(bits, 2);
  at.writeUInt16LE(facts.method, 4);
  at.writeUInt32LE(facts.crc32, 10);
  at.writeUInt32LE(large ? LARGE : facts.compressedBytes, 14);
  at.writeUInt32LE(large ? LARGE : facts.bytes, 18);
  at.writeUInt16LE(name.length, 22);
  at.writeUInt16LE(extras.length, 24);
}

function zip64Field(...values: number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(0x0001, 0);
  field.writeUInt16LE(8 * values.length, 2);
  for (const [index, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  return field;
}

function descriptorOf(facts: Facts): Buffer {
  const descriptor = Buffer.alloc(16);
  descriptor.write('PK\x07\x08', 'latin1');
  descriptor.writeUInt32LE(facts.crc32, 4);
  descriptor.writeUInt32LE(facts.compressedBytes, 8);
  descriptor.writeUInt32LE(facts.bytes, 12);
  return descriptor;
}

interface End {
  readonly entries: number;
  /** Where the directory begins and ends. */
  readonly start: number;
  readonly end: number;
  readonly large: boolean;
  readonly comment: string;
  readonly disk: number;
}

function endRecords({ entries, start, end, large, comment, disk }: End): Buffer {
  const text = Buffer.from(comment);
  const record = Buffer.alloc(22);
  record.write('PK\x05\x06', 'latin1');
  record.writeUInt16LE(disk, 4);
  record.writeUInt16LE(large ? 0xffff : entries, 8);
  record.writeUInt16LE(large ? 0xffff : entries, 10);
  record.writeUInt32LE(large ? LARGE : end - start, 12);
  record.writeUInt32LE(large ? LARGE : start, 16);
  record.writeUInt16LE(text.length, 20);
  return Buffer.concat([...(large ? [zip64EndRecord(entries, start, end, disk), zip64Locator(end)] : []), record, text]);
}

function zip64EndRecord(entries: number, start: number, end: number, disk: number): Buffer {
  const record = Buffer.alloc(56);
  record.write('PK\x06\x06', 'latin1');
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  record.writeUInt32LE(disk, 16);
  record.writeBigUInt64LE(BigInt(entries), 24);
  record.writeBigUInt64LE(BigInt(entries), 32);
  record.writeBigUInt64LE(BigInt(end - start), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  return record;
}

function zip64Locator(end: number): Buffer {
  const locator = Buffer.alloc(20);
  locator.write('PK\x06\x07', 'latin1');
  locator.writeBigUInt64LE(BigInt(end), 8);
  locator.writeUInt32LE(1, 16);
  return locator;
}
