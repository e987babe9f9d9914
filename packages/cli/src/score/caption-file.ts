import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { localFileError } from '@showtell/shared/local-file-error';
import parser from 'stream-json/parser.js';
import verifier from 'stream-json/utils/verifier.js';
import { type CaptionRecord, CaptionRecords } from './caption-records';

const JSON_LINES = { jsonStreaming: true };

/**
 * Reads captions from a COCO results file (a list of `{image_id, caption}`), a COCO annotations file (`annotations` in an object), or
 * JSON lines of `{image_id, caption}`, whichever it is, as a stream: nothing is kept but what `take` keeps.
 * @throws ShowtellError `USAGE` when there is no such file, `FILE_DENIED`; `BROKEN_ANNOTATIONS` with the line and column, or the
 * record; or what `take` throws.
 */
export async function readCaptionFile(path: string, take: (record: CaptionRecord) => void, signal?: AbortSignal): Promise<void> {
  const records = new CaptionRecords(path, take);
  const consume = new Writable({
    objectMode: true,
    write(token: parser.Token, _encoding, done) {
      try {
        records.consume(token);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const options = signal ? { signal } : {};
  try {
    await pipeline(createReadStream(path), decodeUtf8, parser.asStream({ ...JSON_LINES, streamValues: false }), consume, options);
  } catch (error) {
    signal?.throwIfAborted();
    throw await explain(path, error);
  }
  records.end();
}

async function* decodeUtf8(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

async function explain(path: string, error: unknown): Promise<unknown> {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof ShowtellError) return error;
  if (code === 'ENOENT') return new ShowtellError('USAGE', `Expected a file of captions but there is no ${path}`, { cause: error });
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return notJson(path, 'is not UTF-8 text', error);
  if (code !== undefined) return localFileError(error, 'read', path);
  return notJson(path, `is not JSON: ${await whereNotJson(path)}`, error);
}

function notJson(path: string, what: string, cause: unknown): ShowtellError {
  return new ShowtellError('BROKEN_ANNOTATIONS', `${path} ${what}`, {
    cause,
    hint: 'Expected a list of {"image_id", "caption"}, one such object a line, or COCO annotations.',
  });
}

/** The parser does not know where it stands; reading the file again with one that does gives line and column. */
async function whereNotJson(path: string): Promise<string> {
  try {
    const ignore = new Writable({ objectMode: true, write: (_, __, done) => done() });
    await pipeline(createReadStream(path), decodeUtf8, verifier.asStream(JSON_LINES), ignore);
  } catch (error) {
    const { line, pos, message } = error as verifier.VerifierError;
    const words = message.replace(/^.*Verifier (?:cannot parse input: )?/, '').replace(/^has expected/, 'the file ends, expected');
    return `line ${line}, column ${pos}: ${words}`;
  }
  return 'it changed while it was read';
}
