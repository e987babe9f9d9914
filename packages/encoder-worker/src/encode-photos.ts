import { constants, createReadStream, open } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { MAX_FILE_BYTES } from '@showtell/shared/image/limits';
import { prepare, tooLarge } from '@showtell/shared/image/prepare';
import type { EncoderEngine } from './encoder/engines/engine';

/** A photo's feature [dimension], or why it has none. `index` is its place in what was asked for. */
export type EncodedPhoto =
  | { readonly index: number; readonly feature: Float32Array; readonly error?: undefined }
  | { readonly index: number; readonly feature?: undefined; readonly error: ShowtellError };

export interface EncodePhotosOptions {
  /** Photos that go through the encoder together. */
  readonly microBatch?: number;
  readonly signal?: AbortSignal;
}

type Prepared = readonly (Buffer | ShowtellError)[];

/**
 * Photos (paths, or the files' bytes) → features, in order, one result per photo. A photo that cannot be read or decoded
 * is a result with an error; whatever else goes wrong is thrown. The next micro-batch is prepared while one is encoded.
 */
export async function* encodePhotos(
  engine: EncoderEngine,
  photos: readonly (string | Buffer)[],
  { microBatch = 8, signal }: EncodePhotosOptions = {},
): AsyncGenerator<EncodedPhoto, void, void> {
  const prepareFrom = (start: number): Promise<Prepared> => {
    const batch = Promise.all(photos.slice(start, start + microBatch).map((photo) => preparePhoto(photo, engine.side, signal)));
    // Awaited one round later; a failure must not count as unhandled until then.
    batch.catch(() => undefined);
    return batch;
  };
  let next = prepareFrom(0);
  for (let start = 0; start < photos.length; start += microBatch) {
    const prepared = await next;
    signal?.throwIfAborted();
    next = prepareFrom(start + microBatch);
    const features = await encodePrepared(engine, prepared);
    for (const [offset, item] of prepared.entries())
      yield Buffer.isBuffer(item) ? { index: start + offset, feature: features.next().value! } : { index: start + offset, error: item };
  }
}

/** One feature for every picture that could be prepared, in order. */
async function encodePrepared(engine: EncoderEngine, prepared: Prepared): Promise<Iterator<Float32Array>> {
  const pixels = prepared.filter((item) => Buffer.isBuffer(item));
  const { dimension } = engine;
  const features = pixels.length > 0 ? await engine.encode(Buffer.concat(pixels), pixels.length) : new Float32Array(0);
  return pixels.map((_, row) => features.slice(row * dimension, (row + 1) * dimension)).values();
}

/** Pixels of a photo (its path, or the file's bytes), or why there are none. */
export async function preparePhoto(photo: string | Buffer, side: number, signal?: AbortSignal): Promise<Buffer | ShowtellError> {
  try {
    return (await prepare(typeof photo === 'string' ? await readPhoto(photo, signal) : photo, side)).pixels;
  } catch (error) {
    if (isShowtellError(error)) return error;
    throw error;
  }
}

/** Looks at the size first: what is too large is not read. What tells no size (a pipe, a device) is read as far as a photo may go. */
async function readPhoto(path: string, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    const found = await stat(path);
    if (found.size > MAX_FILE_BYTES) throw tooLarge(found.size);
    const stream = found.isFIFO() ? await openPipe(path) : createReadStream(path);
    if (signal) addAbortSignal(signal, stream);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_FILE_BYTES) throw tooLarge(bytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, bytes);
  } catch (cause) {
    signal?.throwIfAborted();
    if (isShowtellError(cause)) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = { ENOENT: 'There is no such file', EISDIR: 'It is a folder', EACCES: 'It may not be read' }[code ?? ''] ?? message;
    throw new ShowtellError('MISSING_IMAGE', reason, { cause });
  }
}

/** A pipe is read as a connection is: nobody may ever write into it. Opened as a file it would hold a thread of this process, which then could not even end. */
async function openPipe(path: string): Promise<Readable> {
  const fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}
