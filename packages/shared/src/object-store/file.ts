import type { BigIntStats } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { isShowtellError, ShowtellError } from '../errors';
import { ABSENT, ignore, linkNew, RESERVED, syncFolder, withTemporary } from './durable-files';
import { type WalkedFile, walkFolder } from './folder-walk';
import { checkKey, checkPrefix } from './key';
import type { ObjectInfo, ObjectStore, ReadOptions, StoredObject, WriteOptions } from './object-store';
import { probeConditionalWrites } from './probe';
import { VersionChain } from './version-chain';

const STATS_AT_ONCE = 64;

/**
 * Objects as files of a folder: the object `a/b` is the file `<folder>/a/b`, so that other programs can read it
 * and any folder of files can be read as a store. Safe across processes on one machine.
 *
 * - `put` is a temporary file and `rename()`; `putIfAbsent` a temporary file and `link()`, which fails when the name is taken.
 *   The bytes are on the disk before the name is.
 * - `replace` links numbered versions in the same way (see `VersionChain`).
 * - Two things are not as on S3: a key cannot also be the folder of another key (`a` and `a/b`), and system calls take as long as they take.
 */
export class FileStore implements ObjectStore {
  readonly url: string;

  constructor(private readonly folder: string) {
    this.url = pathToFileURL(folder).href;
  }

  async get(key: string, options: ReadOptions = {}): Promise<StoredObject | undefined> {
    return this.explaining('read', key, async () => {
      const file = await this.open(key, options);
      if (!file) return undefined;
      try {
        const body = Buffer.allocUnsafe(file.end - file.start);
        let filled = 0;
        while (filled < body.length) {
          options.signal?.throwIfAborted();
          const { bytesRead } = await file.handle.read(body, filled, body.length - filled, file.start + filled);
          if (bytesRead === 0) throw shorter(key, body.length, filled);
          filled += bytesRead;
        }
        return { body, etag: file.etag };
      } finally {
        await file.handle.close();
      }
    });
  }

  async stream(key: string, options: ReadOptions = {}): Promise<NodeJS.ReadableStream | undefined> {
    const file = await this.explaining('read', key, () => this.open(key, options));
    return file && Readable.from(this.chunks(key, file, options.signal), { objectMode: false });
  }

  async head(key: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<ObjectInfo | undefined> {
    return this.explaining('read', key, async () => {
      signal?.throwIfAborted();
      const found = await this.stat(this.path(key));
      return found && infoOf(key, found);
    });
  }

  async put(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<{ etag: string }> {
    return this.explaining('write', key, async () => {
      const path = this.path(key);
      return withTemporary(dirname(path), body, options.signal, async (temporary, stats) => {
        const chain = new VersionChain(path);
        for (let last = await chain.last(); last; last = await chain.last())
          if (await chain.append(last.number, temporary)) return { etag: etagOf({ version: last.number + 1, stats }) };
        await rename(temporary, path);
        await syncFolder(dirname(path));
        return { etag: etagOf({ version: 1, stats }) };
      });
    });
  }

  async upload(key: string, body: Uint8Array, options: WriteOptions = {}): Promise<void> {
    await this.put(key, body, options);
  }

  async putIfAbsent(
    key: string,
    body: Uint8Array,
    options: WriteOptions = {},
  ): Promise<{ created: true; etag: string } | { created: false }> {
    return this.explaining('write', key, async () => {
      const path = this.path(key);
      if (await this.stat(path)) return { created: false };
      return withTemporary(dirname(path), body, options.signal, async (temporary, stats) => {
        const chain = new VersionChain(path);
        for (;;) {
          const last = await chain.last();
          if (last && !last.deleted) return { created: false };
          if (last) {
            if (await chain.append(last.number, temporary)) return { created: true, etag: etagOf({ version: last.number + 1, stats }) };
          } else if (await linkNew(temporary, path)) {
            await syncFolder(dirname(path));
            return { created: true, etag: etagOf({ version: 1, stats }) };
          } else if (!(await chain.last())) return { created: false };
        }
      });
    });
  }

  async replace(
    key: string,
    body: Uint8Array,
    etag: string,
    options: WriteOptions = {},
  ): Promise<{ replaced: true; etag: string } | { replaced: false }> {
    return this.explaining('write', key, async () => {
      const path = this.path(key);
      const found = await this.stat(path);
      if (!found || etagOf(found) !== etag) return { replaced: false };
      return withTemporary(dirname(path), body, options.signal, async (temporary, stats) =>
        (await new VersionChain(path).append(found.version, temporary))
          ? { replaced: true, etag: etagOf({ version: found.version + 1, stats }) }
          : { replaced: false },
      );
    });
  }

  async *list(prefix: string, { signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<ObjectInfo> {
    try {
      let batch: WalkedFile[] = [];
      for await (const file of walkFolder(this.folder, checkPrefix(prefix))) {
        signal?.throwIfAborted();
        if (batch.push(file) < STATS_AT_ONCE) continue;
        yield* await this.infos(batch);
        batch = [];
      }
      yield* await this.infos(batch);
    } catch (error) {
      throw this.explain('list', prefix, error);
    }
  }

  async delete(key: string): Promise<void> {
    await this.explaining('delete', key, async () => {
      const path = this.path(key);
      const chain = new VersionChain(path);
      for (;;) {
        const last = await chain.last();
        if (last && !last.deleted && !(await chain.appendDeletion(last.number))) continue;
        await rm(path).catch(ignore(ABSENT));
        // A `replace` that had read the plain file may have begun the chain meanwhile.
        const now = await chain.last();
        if (!now || now.deleted) return;
      }
    });
  }

  async probe(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await probeConditionalWrites(this, options);
  }

  async close(): Promise<void> {}

  private path(key: string): string {
    for (const name of checkKey(key).split('/'))
      if (name === '' || name.startsWith(RESERVED))
        throw new ShowtellError(
          'USAGE',
          `Expected an object key of names not beginning with "${RESERVED}" but received ${JSON.stringify(key)}`,
        );
    return join(this.folder, key);
  }

  private async stat(path: string): Promise<Found | undefined> {
    const found = await this.current(path, async (file, version) => ({ version, stats: await stat(file, { bigint: true }) }));
    return found?.stats.isFile() ? found : undefined;
  }

  /** Without files that were deleted since their folder was read. */
  private async infos(files: readonly WalkedFile[]): Promise<ObjectInfo[]> {
    const info = async ({ key, mayHaveVersions }: WalkedFile) => {
      if (mayHaveVersions) return this.head(key);
      const stats = await stat(this.path(key), { bigint: true }).catch(ignore(ABSENT));
      return stats && infoOf(key, { version: 1, stats });
    };
    return (await Promise.all(files.map(info))).filter((found) => found !== undefined);
  }

  private async open(key: string, { ifMatch, range, signal }: ReadOptions) {
    signal?.throwIfAborted();
    const found = await this.current(this.path(key), async (file, version) => ({ version, handle: await open(file, 'r') }));
    if (!found) return undefined;
    try {
      const stats = await found.handle.stat({ bigint: true });
      const etag = etagOf({ version: found.version, stats });
      const bytes = Number(stats.size);
      const [start, end] = range ? [range.start, range.end + 1] : [0, bytes];
      if (ifMatch !== undefined && ifMatch !== etag)
        throw new ShowtellError('SOURCE_CHANGED', `${key} in ${this.url} is no longer the object that was planned`);
      if (end > bytes) throw shorter(key, end, bytes);
      if (stats.isFile()) return { handle: found.handle, etag, start, end };
    } catch (error) {
      await found.handle.close();
      throw error;
    }
    await found.handle.close();
    return undefined;
  }

  /** Calls `use` with the file that holds the object now; `undefined` when there is none. */
  private async current<T>(path: string, use: (file: string, version: number) => Promise<T>): Promise<T | undefined> {
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

  private async *chunks(key: string, file: NonNullable<Awaited<ReturnType<FileStore['open']>>>, signal?: AbortSignal) {
    const length = file.end - file.start;
    const chunk = Buffer.allocUnsafe(Math.min(length, 2 ** 18));
    try {
      for (let read = 0; read < length; ) {
        signal?.throwIfAborted();
        const position = file.start + read;
        const { bytesRead } = await this.explaining('read', key, () =>
          file.handle.read(chunk, 0, Math.min(chunk.length, length - read), position),
        );
        if (bytesRead === 0) throw shorter(key, length, read);
        read += bytesRead;
        yield Buffer.from(chunk.subarray(0, bytesRead));
      }
    } finally {
      await file.handle.close();
    }
  }

  private async explaining<T>(operation: string, key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.explain(operation, key, error);
    }
  }

  private explain(operation: string, key: string, error: unknown): unknown {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (isShowtellError(error) || typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
    const what = `Cannot ${operation} ${JSON.stringify(key)} in ${this.url}: ${(error as Error).message}`;
    if (FULL.has(code))
      return new ShowtellError('STORE_UNREACHABLE', what, {
        cause: error,
        hint: 'Make room on the disk; what was committed is untouched.',
      });
    if (REFUSED.has(code))
      return new ShowtellError('STORE_DENIED', what, { cause: error, hint: 'Check who owns the folder and who may write to it.' });
    return new ShowtellError('STORE_UNREACHABLE', what, { cause: error });
  }
}

interface Found {
  readonly version: number;
  readonly stats: BigIntStats;
}

/** Not of the content, which would have to be read for it, but of version, length and time of the last write. */
const etagOf = ({ version, stats }: Found) => `"${version}-${stats.size.toString(16)}-${stats.mtimeNs.toString(16)}"`;

const infoOf = (key: string, found: Found): ObjectInfo => ({
  key,
  bytes: Number(found.stats.size),
  etag: etagOf(found),
  lastModified: found.stats.mtime,
});

const shorter = (key: string, expected: number, received: number) =>
  new ShowtellError('CORRUPT_OBJECT', `Expected ${expected} bytes of ${key} but received ${received}`);

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG', 'EINVAL']);
