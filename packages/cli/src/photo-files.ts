import { readFile, stat } from 'node:fs/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { MAX_FILE_BYTES } from '@showtell/shared/image/limits';

/** Photos that are in memory at once. */
const CHUNK = 32;

/**
 * Does `work` on photo files, some at a time, and hands on the results in the order of the paths.
 * A file that is absent, no file or too large gets an error of its own in place of a result.
 */
export async function* eachPhoto<T extends object>(
  paths: readonly string[],
  work: (photos: readonly Buffer[]) => Promise<readonly (T | { readonly error: ShowtellError })[]>,
  signal: AbortSignal,
): AsyncGenerator<{ readonly path: string; readonly result: T | { readonly error: ShowtellError } }> {
  for (let start = 0; start < paths.length; start += CHUNK) {
    signal.throwIfAborted();
    const chunk = paths.slice(start, start + CHUNK);
    const read = await Promise.all(chunk.map(readPhoto));
    const results = (await work(read.filter((photo) => Buffer.isBuffer(photo)))).values();
    for (const [index, path] of chunk.entries()) {
      const photo = read[index]!;
      yield { path, result: Buffer.isBuffer(photo) ? results.next().value! : { error: photo } };
    }
  }
}

async function readPhoto(path: string): Promise<Buffer | ShowtellError> {
  try {
    const { size } = await stat(path);
    if (size > MAX_FILE_BYTES)
      return new ShowtellError('TOO_LARGE', `Expected a file of at most ${MAX_FILE_BYTES} bytes but received ${size}`);
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const reason = { ENOENT: 'There is no such file', EISDIR: 'It is a folder', EACCES: 'It may not be read' }[code] ?? message;
    return new ShowtellError('MISSING_IMAGE', reason, { cause });
  }
}
