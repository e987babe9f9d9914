import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { ShowtellError } from '../errors';
import { ABSENT, ignore } from './durable-files';
import type { ObjectInfo, ReadOptions } from './object-store';
import { VersionChain } from './version-chain';

/** The file that holds an object now: version 1 is the plain file, later ones are in its chain. */
export interface CurrentFile {
  readonly version: number;
  readonly stats: BigIntStats;
}

/** An object opened for reading bytes `start` to `end`, the latter not included. Who opened it closes the handle. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly etag: string;
  readonly start: number;
  readonly end: number;
}

/** Not of the content, which would have to be read for it, but of version, length and time of the last write. */
export const etagOf = ({ version, stats }: CurrentFile) => `"${version}-${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}"`;

export const infoOf = (key: string, found: CurrentFile): ObjectInfo => ({
  key,
  bytes: Number(found.stats.size),
  etag: etagOf(found),
  lastModified: found.stats.mtime,
});

export async function statCurrent(path: string): Promise<CurrentFile | undefined> {
  const found = await withCurrent(path, async (file, version) => ({ version, stats: await stat(file, { bigint: true }) }));
  return found?.stats.isFile() ? found : undefined;
}

/** A pipe that somebody laid where a file was is opened at once, and then seen to be none: else it would hold one of few threads for ever. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens the object at `path`. @param key and @param url name it in errors: `SOURCE_CHANGED` by `ifMatch`, `CORRUPT_OBJECT` by `range`.
 */
export async function openCurrent(
  path: string,
  { ifMatch, range, signal }: ReadOptions,
  { key, url }: { readonly key: string; readonly url: string },
): Promise<OpenFile | undefined> {
  signal?.throwIfAborted();
  const found = await withCurrent(path, async (file, version) => ({ version, handle: await open(file, READ) }));
  if (!found) return undefined;
  try {
    const stats = await found.handle.stat({ bigint: true });
    const etag = etagOf({ version: found.version, stats });
    const bytes = Number(stats.size);
    const [start, end] = range ? [range.start, range.end + 1] : [0, bytes];
    if (ifMatch !== undefined && ifMatch !== etag)
      throw new ShowtellError('SOURCE_CHANGED', `${key} in ${url} is no longer the object that was planned`);
    if (end > bytes) throw shorter(key, end, bytes);
    if (stats.isFile()) return { handle: found.handle, etag, start, end };
  } catch (error) {
    await found.handle.close();
    throw error;
  }
  await found.handle.close();
  return undefined;
}

export const shorter = (key: string, expected: number, received: number) =>
  new ShowtellError('CORRUPT_OBJECT', `Expected ${expected} bytes of ${key} but received ${received}`);

/** Calls `use` with the file that holds the object now; `undefined` when there is none. */
async function withCurrent<T>(path: string, use: (file: string, version: number) => Promise<T>): Promise<T | undefined> {
  const chain = new VersionChain(path);
  for (;;) {
    const last = await chain.last();
    if (last?.deleted) return undefined;
    try {
      return await use(last ? chain.file(last.number) : path, last?.number ?? 1);
    } catch (error) {
      ignore(ABSENT)(error);
      if (!last) return undefined;
      // The version was pruned after newer ones came: look again.
    }
  }
}
