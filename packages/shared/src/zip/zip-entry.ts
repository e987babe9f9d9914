import { type Entry, getFileNameLowLevel } from 'yauzl';
import type { ZipPlace } from '../schema/plan';
import { unsafeZip } from './zip-errors';

/** A file of an archive, as the directory tells of it. */
export interface ZipEntry extends ZipPlace {
  /** Unpacked. */
  readonly bytes: number;
}

export const STORED = 0;
export const DEFLATE = 8;

/** Bytes of a local header before name and extra fields. */
export const LOCAL_HEADER_BYTES = 30;
/** What is larger than this and packed more than so many times is no photo and no text that people wrote. */
const BOMB = { bytes: 2 ** 20, ratio: 200 };
/** Encrypted, strongly encrypted, its header encrypted. */
const ENCRYPTED = 0x1 | 0x40 | 0x2000;
const UNIX_SYSTEMS = new Set([3, 19]);
const FILE_TYPE = 0o170000;
const PLAIN_TYPES = new Set([0, 0o100000, 0o040000]);

/** The name of an entry: UTF-8 or code page 437, as the entry says. */
export function entryName(flags: number, name: Buffer, extraFields: Entry['extraFields']): string {
  return getFileNameLowLevel(flags, name, extraFields, true);
}

/** Whether an entry stands for a folder and has no bytes. */
export const isFolder = ({ entry }: Pick<ZipEntry, 'entry'>) => entry.endsWith('/');

/**
 * One entry of a directory.
 * @throws ShowtellError `UNSAFE_ZIP`
 */
export function checkEntry(found: Entry, archive: string): ZipEntry {
  const entry = entryName(found.generalPurposeBitFlag, found.fileNameRaw, found.extraFields);
  const { compressionMethod: method, uncompressedSize: bytes, compressedSize: compressedBytes, crc32 } = found;
  const refuse = (expectation: string) => unsafeZip({ archive, entry }, expectation);

  const danger = dangerOf(entry);
  if (danger !== undefined) throw refuse(`Expected a relative name with "/" and without ".." but received ${danger}`);
  const type = UNIX_SYSTEMS.has(found.versionMadeBy >> 8) ? (found.externalFileAttributes >>> 16) & FILE_TYPE : 0;
  if (!PLAIN_TYPES.has(type))
    throw refuse(`Expected a file or a folder but received ${type === 0o120000 ? 'a symbolic link' : 'a special file'}`);
  if (found.generalPurposeBitFlag & ENCRYPTED) throw refuse('Expected no encryption but received an encrypted entry');
  if (method !== STORED && method !== DEFLATE) throw refuse(`Expected method 0 (stored) or 8 (deflate) but received ${method}`);
  if (method === STORED && compressedBytes !== bytes)
    throw refuse(`Expected one size for stored bytes but received ${compressedBytes} packed and ${bytes} unpacked`);
  if (isFolder({ entry }) && bytes > 0) throw refuse(`Expected a folder to be empty but received ${bytes} bytes`);
  if (bytes > BOMB.bytes && bytes > BOMB.ratio * compressedBytes)
    throw refuse(`Expected at most ${BOMB.ratio} bytes out of one but received ${bytes} out of ${compressedBytes}`);
  return { entry, method, crc32, bytes, compressedBytes, offset: found.relativeOffsetOfLocalHeader };
}

/** What would lead out of the folder that an archive is unpacked to, on any system; nothing is, but such a name is a trap. */
function dangerOf(name: string): string | undefined {
  if (name === '') return 'an empty one';
  if (name.includes('\0')) return 'a NUL character';
  if (name.includes('\\')) return 'a backslash';
  if (/^(?:\/|[a-z]:)/i.test(name)) return 'an absolute one';
  if (name.split('/').includes('..')) return 'one that leads out of its folder';
  return undefined;
}
