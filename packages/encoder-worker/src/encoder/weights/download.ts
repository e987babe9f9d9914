import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { localFileError } from '@showtell/shared/local-file-error';
import { makeFolder } from '@showtell/shared/make-folder';
import { type Dispatcher, request } from 'undici';
import { bare, continues, openDispatcher, reasonOf, refusal, requestHeaders, shown, TryAgain } from './http';
import {
  digestOf,
  findPartial,
  isKnownAgain,
  type KeptPlace,
  type Origin,
  originOf,
  readOrigin,
  removePartial,
  removePartials,
  sizeOf,
  startPartial,
  writeOrigin,
} from './partial-file';

export interface Digest {
  readonly algorithm: 'md5' | 'sha256';
  readonly hex: string;
}

export interface DownloadOptions extends KeptPlace {
  /** What the file must have; a kept file that has it is taken without asking the server. */
  readonly expected?: Digest | undefined;
  /** Bytes so far and, where the server tells, of the whole file. */
  readonly onProgress?: ((done: number, total: number | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<DownloadLimits> | undefined;
}

export interface DownloadLimits {
  /** Tries in a row that bring nothing. */
  readonly attempts: number;
  /** Before the second try; doubles up to 20 times that. */
  readonly waitMs: number;
  /** How long a server may send nothing. */
  readonly quietMs: number;
  readonly mostBytes: number;
}

const LIMITS: DownloadLimits = { attempts: 5, waitMs: 500, quietMs: 30_000, mostBytes: 2 ** 30 };

/**
 * Fetches a file over HTTP into `folder/name`, and gives that path. Interrupted, also by a kill, it goes on where it was, as long as the
 * server still has the same file. A kept file is fetched again only when it has changed.
 * @throws ShowtellError `DOWNLOAD_FAILED`, `WEIGHTS_INVALID` (it is not what was expected), `DISK_FULL`, `FILE_DENIED`
 */
export async function download(url: URL, options: DownloadOptions): Promise<string> {
  const { folder, signal } = options;
  const limits = { ...LIMITS, ...options.limits };
  const dispatcher = openDispatcher(limits.quietMs);
  try {
    await makeFolder(folder);
    for (let failures = 0, longest = 0; ; ) {
      signal?.throwIfAborted();
      try {
        return await attempt(url, { ...options, limits, dispatcher });
      } catch (error) {
        signal?.throwIfAborted();
        const explained = localFileError(error, 'write what is downloaded to', folder);
        if (isShowtellError(explained)) throw explained;
        const length = (await findPartial(url, options))?.length ?? 0;
        failures = length > longest ? 1 : failures + 1;
        longest = Math.max(longest, length);
        if (failures >= limits.attempts)
          throw new ShowtellError('DOWNLOAD_FAILED', `Fetching ${shown(url)} failed ${failures} times: ${reasonOf(error)}`, {
            cause: error,
            hint:
              length > 0 ? `Do the same again: it goes on after the ${length} bytes that are there.` : 'Check the address and the network.',
          });
        const wait = limits.waitMs * Math.min(2 ** (failures - 1), 20);
        await sleep(wait * (0.5 + Math.random() / 2), undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
      }
    }
  } catch (error) {
    throw localFileError(error, 'write what is downloaded to', folder);
  } finally {
    await dispatcher.destroy();
  }
}

interface Attempt extends DownloadOptions {
  readonly limits: DownloadLimits;
  readonly dispatcher: Dispatcher;
}

async function attempt(url: URL, options: Attempt): Promise<string> {
  const { folder, name, expected, signal, limits, dispatcher } = options;
  const path = join(folder, name);
  // Before every try: another process may have fetched it meanwhile.
  if (expected && (await digestOf(path, expected.algorithm)) === expected.hex) return path;
  const partial = await findPartial(url, options);
  // Killed between the last byte and the name.
  if (partial && partial.length === partial.origin.bytes) return finish(partial.path, partial.origin, options);
  const kept = expected || (await sizeOf(path)) === undefined ? undefined : await readOrigin(path, url);

  const headers = requestHeaders(url, partial, kept);
  // Its parser must never pause: one that is paused when the server hangs up ends the program (undici 6).
  const response = await request(bare(url), { dispatcher, headers, highWaterMark: limits.mostBytes, ...(signal && { signal }) });
  const { statusCode: status, body } = response;
  // Whoever reads it is told all the same; one that nobody reads must not end the program.
  body.on('error', () => {});
  const header = (field: string) => {
    const value = response.headers[field];
    return typeof value === 'string' ? value : undefined;
  };
  const discard = async (error: Error) => {
    try {
      await body.dump();
    } catch {
      // What is thrown away may as well break off.
    }
    return error;
  };
  if (status === 304 && kept) {
    await body.dump();
    return path;
  }
  if (status === 416 || (status === 206 && !continues(header('content-range'), partial))) {
    if (partial) await removePartial(partial.path);
    throw await discard(new TryAgain(`the server answered ${status} when it was asked for the rest of the file`));
  }
  if (status !== 200 && status !== 206) throw await discard(refusal(url, status));
  if ((header('content-encoding') ?? 'identity') !== 'identity')
    throw await discard(new ShowtellError('DOWNLOAD_FAILED', `${shown(url)} comes compressed, which was not asked for`));

  const resumed = status === 206 ? partial! : undefined;
  const start = resumed?.length ?? 0;
  const length = header('content-length');
  const total = length === undefined ? resumed?.origin.bytes : start + Number(length);
  if (total !== undefined && total > limits.mostBytes) throw await discard(tooLarge(url, total, limits));
  const said = { etag: header('etag'), lastModified: header('last-modified'), bytes: total };
  const origin = resumed?.origin ?? originOf(url, said);
  const to = resumed?.path ?? (await startPartial(origin, options));
  const done = await receive(body, to, start, url, { ...options, total }).catch(async (error: unknown) => {
    // Nobody could tell later whether the server still has the same file.
    if (!isKnownAgain(origin)) await removePartial(to);
    throw error;
  });
  if (total !== undefined && done !== total) throw new TryAgain(`it ended after ${done} of ${total} bytes`);
  return finish(to, { ...origin, bytes: done }, options);
}

/** Writes the body behind the first `start` bytes of the file. Returns how many there are then. */
async function receive(
  body: AsyncIterable<Buffer>,
  path: string,
  start: number,
  url: URL,
  { limits, total, onProgress }: Attempt & { readonly total: number | undefined },
): Promise<number> {
  const file = await open(path, 'r+');
  try {
    let done = start;
    for await (const chunk of body) {
      await writeAll(file, chunk, done);
      done += chunk.length;
      if (done > limits.mostBytes) throw tooLarge(url, done, limits);
      onProgress?.(done, total);
    }
    // An earlier try may have come further.
    if (total === undefined) await file.truncate(done);
    await file.sync();
    return done;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; )
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
}

/** Checks the whole file and gives it its name. */
async function finish(partial: string, origin: Origin, { folder, name, expected }: DownloadOptions): Promise<string> {
  const path = join(folder, name);
  const isWhole = async (file: string) =>
    expected ? (await digestOf(file, expected.algorithm)) === expected.hex : (await sizeOf(file)) === origin.bytes;
  if (await isWhole(partial)) {
    await rename(partial, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await removePartial(partial);
    await writeOrigin(path, origin);
    await removePartials({ folder, name });
  }
  // Another process may have been faster, given it its name, and a third one begun anew.
  if (await isWhole(path)) return path;
  if (expected === undefined || (await sizeOf(partial)) !== origin.bytes) throw new TryAgain('what was fetched is gone');
  const found = await digestOf(partial, expected.algorithm);
  await removePartial(partial);
  throw new ShowtellError('WEIGHTS_INVALID', `Expected ${expected.algorithm} ${expected.hex} for ${name} but received ${found}`, {
    hint: 'The server has another file, or it was changed on the way.',
  });
}

function tooLarge(url: URL, bytes: number, { mostBytes }: DownloadLimits): ShowtellError {
  return new ShowtellError('WEIGHTS_INVALID', `${shown(url)} has ${bytes} bytes or more, where at most ${mostBytes} are expected`);
}
