import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { ShowtellError } from '../errors';
import type { ObjectStore } from '../object-store/object-store';
import { hex, type PlannedArchive, readBegin } from './read-entry';
import { DEFLATE, type ZipEntry } from './zip-entry';
import { corruptZip } from './zip-errors';

/**
 * The unpacked bytes of an entry as a stream, for entries larger than memory should hold. Their number and checksum are checked at the
 * end. The stream fails, and this function throws, as `readEntry` does.
 */
export async function streamEntry(
  store: ObjectStore,
  archive: PlannedArchive,
  entry: ZipEntry,
  signal?: AbortSignal,
): Promise<NodeJS.ReadableStream> {
  const { dataStart } = await readBegin(store, archive, entry, 0, signal);
  const start = entry.offset + dataStart;
  const range = { start, end: start + entry.compressedBytes - 1 };
  const packed =
    entry.compressedBytes === 0
      ? Readable.from([])
      : await store.stream(archive.key, { range, ifMatch: archive.etag, ...(signal && { signal }) });
  if (packed === undefined)
    throw new ShowtellError('SOURCE_CHANGED', `${archive.key} in ${store.url} was there a moment ago and is gone now`);
  return Readable.from(checked(unpacked(packed as Readable, archive.key, entry), archive.key, entry), { objectMode: false });
}

async function* unpacked(packed: Readable, archive: string, entry: ZipEntry): AsyncGenerator<Buffer> {
  if (entry.method !== DEFLATE) {
    yield* packed as AsyncIterable<Buffer>;
    return;
  }
  const inflating = createInflateRaw();
  // Its failure is that of the stream that is read.
  const flow = pipeline(packed, inflating).catch((error: unknown) => error);
  try {
    yield* inflating as AsyncIterable<Buffer>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code?.startsWith('Z_')
      ? corruptZip({ archive, entry: entry.entry }, `Expected deflated bytes but received ${message}`, error)
      : error;
  } finally {
    inflating.destroy();
    await flow;
  }
}

async function* checked(chunks: AsyncIterable<Buffer>, archive: string, entry: ZipEntry): AsyncGenerator<Buffer> {
  const corrupt = (message: string) => corruptZip({ archive, entry: entry.entry }, message);
  let received = 0;
  let sum = 0;
  for await (const chunk of chunks) {
    received += chunk.length;
    if (received > entry.bytes) throw corrupt(`Expected ${entry.bytes} bytes but received more`);
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (received !== entry.bytes) throw corrupt(`Expected ${entry.bytes} bytes but received ${received}`);
  if (sum !== entry.crc32) throw corrupt(`Expected checksum ${hex(entry.crc32)} but received ${hex(sum)}`);
}
