import { promisify } from 'node:util';
import { crc32, type InputType, inflateRaw, type ZlibOptions } from 'node:zlib';
import { isShowtellError, ShowtellError } from '../errors';
import type { ObjectStore } from '../object-store/object-store';
import { checkLocalHeader, headerLength } from './local-header';
import { DEFLATE, LOCAL_HEADER_BYTES, type ZipEntry } from './zip-entry';
import { corruptZip } from './zip-errors';

const inflate = promisify<InputType, ZlibOptions, Buffer>(inflateRaw);

/**
 * Room for the extra fields of a local header: a time, an owner and large sizes. Behind the last entry there is always more than that,
 * its record in the directory and the end record, so that what is asked for never ends behind the archive.
 */
const EXTRA_BYTES = 64;

/** The archive that was planned. */
export interface PlannedArchive {
  readonly key: string;
  readonly etag: string;
}

/**
 * The unpacked bytes of an entry, exactly those that the archive's directory tells of. One request; two for an entry with long extra
 * fields or a long name that is not ASCII.
 * @throws ShowtellError `CORRUPT_ZIP`; `SOURCE_CHANGED` or `MISSING_IMAGE` when the archive is another one or gone; what the store throws.
 */
export async function readEntry(store: ObjectStore, archive: PlannedArchive, entry: ZipEntry, signal?: AbortSignal): Promise<Buffer> {
  const { bytes, dataStart } = await readBegin(store, archive, entry, entry.compressedBytes, signal);
  return unpack(bytes.subarray(dataStart, dataStart + entry.compressedBytes), archive.key, entry);
}

export interface EntryBegin {
  /** From the local header on. */
  readonly bytes: Buffer;
  readonly dataStart: number;
}

/** An entry's local header, checked, and the first `data` of its packed bytes. Throws as `readEntry` does. */
export async function readBegin(
  store: ObjectStore,
  archive: PlannedArchive,
  entry: ZipEntry,
  data: number,
  signal?: AbortSignal,
): Promise<EntryBegin> {
  const { key, etag } = archive;
  const read = async (start: number, end: number) => {
    const range = { start: entry.offset + start, end: entry.offset + end - 1 };
    const found = await store.get(key, { range, ifMatch: etag, ...(signal && { signal }) });
    if (found === undefined)
      throw new ShowtellError('MISSING_IMAGE', `Expected ${entry.entry} in the zip archive ${key} but the archive is gone`);
    return found.body;
  };
  // A name has a byte for each of its UTF-16 units at least.
  const first = await read(0, LOCAL_HEADER_BYTES + entry.entry.length + EXTRA_BYTES + data);
  const dataStart = headerLength(first, key, entry);
  let bytes = first;
  if (first.length < dataStart + data) {
    const rest = await read(first.length, dataStart + data).catch(async (error: unknown) => {
      if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
      const archiveBytes = (await store.head(key, signal && { signal }))?.bytes ?? 0;
      if (entry.offset + dataStart + data <= archiveBytes) throw error;
      throw corruptZip({ archive: key, entry: entry.entry }, `Expected a local header but received one of ${dataStart} bytes`, error);
    });
    bytes = Buffer.concat([first, rest]);
  }
  checkLocalHeader(bytes.subarray(0, dataStart), key, entry);
  return { bytes, dataStart };
}

async function unpack(packed: Buffer, archive: string, entry: ZipEntry): Promise<Buffer> {
  const corrupt = (message: string, cause?: unknown) => corruptZip({ archive, entry: entry.entry }, message, cause);
  let unpacked = packed;
  if (entry.method === DEFLATE) {
    try {
      // One more than there should be tells when there are too many; no limit may be zero.
      unpacked = await inflate(packed, { maxOutputLength: entry.bytes + 1 });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw corrupt(`Expected ${entry.bytes} deflated bytes but received ${code === 'ERR_BUFFER_TOO_LARGE' ? 'more' : message}`, error);
    }
  }
  if (unpacked.length !== entry.bytes) throw corrupt(`Expected ${entry.bytes} bytes but received ${unpacked.length}`);
  const sum = crc32(unpacked);
  if (sum !== entry.crc32) throw corrupt(`Expected checksum ${hex(entry.crc32)} but received ${hex(sum)}`);
  return unpacked;
}

export const hex = (sum: number) => sum.toString(16).padStart(8, '0');
