import { rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { ShowtellError } from '../errors';
import { keys } from '../keys';
import { etagOf, infoOf, type OpenFile, openCurrent, shorter, statCurrent } from './current-file';
import { ABSENT, ignore, linkNew, proveLinks, RESERVED, syncFolder, TEMPORARY_PREFIX, withTemporary } from './durable-files';
import { fileError } from './file-errors';
import { foldersIn, temporariesIn, type WalkedFile, walkFolder } from './folder-walk';
import { checkFolder, checkKey, checkPrefix } from './key';
import type { Leftover, ObjectInfo, ObjectStore, ReadOptions, StoredObject, WriteOptions } from './object-store';
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
      const found = await statCurrent(this.path(key));
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
      if (await statCurrent(path)) return { created: false };
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
      const found = await statCurrent(path);
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
      throw fileError(error, 'list', prefix, this.url);
    }
  }

  async *folders(folder: string, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<string> {
    try {
      options.signal?.throwIfAborted();
      for (const name of await foldersIn(this.folder, checkFolder(folder)))
        if (await this.holdsAny(`${folder}${name}/`, options)) yield name;
    } catch (error) {
      throw fileError(error, 'list', folder, this.url);
    }
  }

  async delete(key: string, { ifMatch }: { readonly ifMatch?: string } = {}): Promise<void> {
    await this.explaining('delete', key, async () => {
      const path = this.path(key);
      const chain = new VersionChain(path);
      if (ifMatch !== undefined) {
        const found = await statCurrent(path);
        if (found && etagOf(found) === ifMatch) await chain.delete(found.version);
        return;
      }
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

  async *leftovers({ signal }: { readonly signal?: AbortSignal } = {}): AsyncGenerator<Leftover> {
    try {
      signal?.throwIfAborted();
      for await (const key of temporariesIn(this.folder)) {
        signal?.throwIfAborted();
        const stats = await stat(join(this.folder, key)).catch(ignore(ABSENT));
        if (stats) yield { key, id: '', bytes: stats.size, lastModified: stats.mtime };
      }
    } catch (error) {
      throw fileError(error, 'list', '', this.url);
    }
  }

  async removeLeftover({ key }: Leftover): Promise<void> {
    await this.explaining('delete', key, async () => {
      if (basename(key).startsWith(TEMPORARY_PREFIX)) await rm(join(this.folder, checkKey(key)), { force: true });
    });
  }

  async probe(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    await probeConditionalWrites(this, options);
    // The probe's object may be of a time when the folder lay on another disk; then nothing was linked just now.
    await this.explaining('write', keys.probe(), () => proveLinks(dirname(this.path(keys.probe())), options.signal));
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

  /** A folder may be there without any object in it. */
  private async holdsAny(folder: string, options: { readonly signal?: AbortSignal }): Promise<boolean> {
    for await (const _object of this.list(folder, options)) return true;
    return false;
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

  private open(key: string, options: ReadOptions): Promise<OpenFile | undefined> {
    return openCurrent(this.path(key), options, { key, url: this.url });
  }

  private async *chunks(key: string, file: OpenFile, signal?: AbortSignal) {
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
      throw fileError(error, operation, key, this.url);
    }
  }
}
