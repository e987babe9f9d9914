import { addAbortSignal, type Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { ShowtellError } from '../errors';
import type { ObjectInfo, ReadOptions, StoredObject } from './object-store';
import { AttemptTimeout } from './retry';
import { type S3Connection, transferMs } from './s3-connection';
import { READS, ShortBody, statusOf } from './s3-errors';

interface Opened {
  readonly body: Readable;
  readonly etag: string;
  readonly bytes: number;
}

export async function headObject(s3: S3Connection, key: string, signal: AbortSignal | undefined): Promise<ObjectInfo | undefined> {
  return s3.call('HeadObject', key, signal, 0, async (abortSignal) => {
    const found = await s3.readOrAbsent(abortSignal, (client) => client.send(new HeadObjectCommand(s3.address(key)), { abortSignal }));
    if (!found) return undefined;
    const { ContentLength, ETag, LastModified } = found;
    if (ContentLength === undefined || !ETag || !LastModified) throw new ShortBody('the answer has no length, etag or time');
    return { key, bytes: ContentLength, etag: ETag, lastModified: LastModified };
  });
}

/** A whole body, or the announced error; one that ends early is read again. */
export async function readObject(s3: S3Connection, key: string, options: ReadOptions): Promise<StoredObject | undefined> {
  return s3.call('GetObject', key, options.signal, 0, async (signal, progress) => {
    const opened = await openObject(s3, key, options, signal);
    if (!opened) return undefined;
    const last = performance.now() + s3.deadlineMs + transferMs(opened.bytes);
    const chunks: Buffer[] = [];
    let received = 0;
    try {
      for await (const chunk of addAbortSignal(signal, opened.body) as AsyncIterable<Buffer>) {
        progress();
        chunks.push(chunk);
        received += chunk.length;
        // A server that sends a little now and then must not hold a job for ever.
        if (performance.now() > last) throw new AttemptTimeout(`only ${received} of ${opened.bytes} bytes came in time`);
      }
    } catch (error) {
      if (signal.aborted || error instanceof AttemptTimeout) throw error;
      throw cutOff(opened.bytes, received, error);
    } finally {
      opened.body.destroy();
    }
    if (received !== opened.bytes) throw cutOff(opened.bytes, received);
    return { body: Buffer.concat(chunks, received), etag: opened.etag };
  });
}

/** A body as it comes. Where it breaks off it is asked for again from there, as long as it is the same object. */
export async function streamObject(s3: S3Connection, key: string, options: ReadOptions): Promise<AsyncGenerator<Buffer> | undefined> {
  const opened = await openBriefly(s3, key, options);
  return opened && continuing(s3, key, options, opened);
}

async function* continuing(s3: S3Connection, key: string, options: ReadOptions, opened: Opened): AsyncGenerator<Buffer> {
  const { bytes, etag } = opened;
  const start = options.range?.start ?? 0;
  let received = 0;
  let { body } = opened;
  for (let breaks = 0; ; ) {
    let cause: unknown;
    try {
      for await (const chunk of unstalled(body, s3.attemptMs)) {
        received += chunk.length;
        breaks = 0;
        yield chunk;
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      cause = error;
    }
    if (received === bytes) return;
    breaks += 1;
    const rest = { start: start + received, end: start + bytes - 1 };
    const again = breaks < READS && received < bytes ? await openBriefly(s3, key, { ...options, ifMatch: etag, range: rest }) : undefined;
    if (!again) {
      const code = cause instanceof AttemptTimeout ? 'STORE_UNREACHABLE' : 'CORRUPT_OBJECT';
      throw new ShowtellError(code, `Expected ${bytes} bytes of ${key} in ${s3.url} but received ${received}`, { cause });
    }
    body = again.body;
  }
}

/** The time an attempt has ends with the answer's head; a stream may be read for as long as its reader likes. */
const openBriefly = (s3: S3Connection, key: string, options: ReadOptions) =>
  s3.call('GetObject', key, options.signal, 0, async (signal) => {
    const opened = await openObject(s3, key, options, signal);
    if (opened && options.signal) addAbortSignal(options.signal, opened.body);
    return opened;
  });

/** The chunks of a body; each may be waited for `milliseconds`. */
async function* unstalled(body: Readable, milliseconds: number): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  try {
    for (;;) {
      const timer = setTimeout(() => body.destroy(new AttemptTimeout(`nothing came for ${milliseconds} ms`)), milliseconds);
      const next = await chunks.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } finally {
    body.destroy();
  }
}

/** The head of the answer to a GET. Its length is known and, for a range, the one that was asked for. */
async function openObject(
  s3: S3Connection,
  key: string,
  { ifMatch, range }: ReadOptions,
  signal: AbortSignal,
): Promise<Opened | undefined> {
  const command = new GetObjectCommand({
    ...s3.address(key),
    ...(ifMatch === undefined ? {} : { IfMatch: ifMatch }),
    ...(range ? { Range: `bytes=${range.start}-${range.end}` } : {}),
  });
  const found = await s3.readOrAbsent(signal, async (client) => {
    try {
      return await client.send(command, { abortSignal: signal });
    } catch (error) {
      if (statusOf(error) === 412)
        throw new ShowtellError('SOURCE_CHANGED', `${key} in ${s3.url} is no longer the object that was planned`);
      if (statusOf(error) === 416) throw tooShort(s3, key, range, 'an object that ends before');
      throw error;
    }
  });
  if (!found) return undefined;
  const body = found.Body as Readable;
  try {
    // A chunked answer announces no length, so one that was cut off could be taken for whole.
    const bytes = found.ContentLength ?? (await headObject(s3, key, signal))?.bytes;
    if (bytes === undefined || !found.ETag) throw new ShortBody('the answer has no length or etag');
    if (range && bytes !== range.end - range.start + 1) throw tooShort(s3, key, range, `${bytes} bytes`);
    return { body, etag: found.ETag, bytes };
  } catch (error) {
    body.destroy();
    throw error;
  }
}

function tooShort(s3: S3Connection, key: string, range: ReadOptions['range'], received: string): ShowtellError {
  return new ShowtellError(
    'CORRUPT_OBJECT',
    `Expected bytes ${range?.start} to ${range?.end} of ${key} in ${s3.url} but received ${received}`,
  );
}

const cutOff = (expected: number, received: number, cause?: unknown) =>
  new ShortBody(`expected ${expected} bytes but received ${received}`, { cause });
