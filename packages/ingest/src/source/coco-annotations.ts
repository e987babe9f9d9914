import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import parser from 'stream-json/parser.js';
import verifier from 'stream-json/utils/verifier.js';
import { type AnnotationHandlers, broken, RecordReader } from './annotation-records';

/**
 * Reads a COCO captions file as a stream: `images` and `annotations` may come in any order, whatever else is there is skipped,
 * and nothing of the file is kept but what the handlers keep. Ids are text, so that no digit of a large number is lost.
 * Throws `BROKEN_ANNOTATIONS` with the file and the line and column, or the record; or what the store or a handler throws.
 */
export async function readAnnotations(store: ObjectStore, key: string, handlers: AnnotationHandlers, signal?: AbortSignal): Promise<void> {
  const reader = new RecordReader(key, handlers);
  const consume = new Writable({
    objectMode: true,
    write(token: parser.Token, _encoding, done) {
      try {
        reader.consume(token);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  try {
    await pipeline(await open(store, key, signal), decodeUtf8, parser.asStream({ streamValues: false }), consume, {
      ...(signal && { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ShowtellError) throw error;
    throw await explain(store, key, error, signal);
  }
  reader.end();
}

async function open(store: ObjectStore, key: string, signal?: AbortSignal): Promise<NodeJS.ReadableStream> {
  const stream = await store.stream(key, { ...(signal && { signal }) });
  if (stream === undefined) throw new ShowtellError('NOT_A_DATASET', `Expected annotations at ${key} in ${store.url} but they are gone`);
  return stream;
}

async function* decodeUtf8(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decoder.decode(Buffer.from(chunk), { stream: true });
  yield decoder.decode();
}

/** The parser does not know where it stands; reading the file a second time with one that does gives line and column. */
async function explain(store: ObjectStore, key: string, cause: unknown, signal?: AbortSignal): Promise<unknown> {
  try {
    await pipeline(
      await open(store, key, signal),
      decodeUtf8,
      verifier.asStream(),
      new Writable({ objectMode: true, write: (_, __, done) => done() }),
    );
  } catch (error) {
    const { line, pos } = error as verifier.VerifierError;
    if (line !== undefined) return broken(`${key} is not JSON: line ${line}, column ${pos}: ${explained(error as Error)}`, cause);
    if ((error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return broken(`${key} is not UTF-8 text`, cause);
    return error;
  }
  return cause;
}

/** The verifier's words; `has expected` is what it says at the end of the file. */
const explained = ({ message }: Error) =>
  message.replace(/^.*Verifier (?:cannot parse input: )?/, '').replace(/^has expected/, 'the file ends, expected');
