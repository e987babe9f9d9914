import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ShowtellError } from './errors';
import { GrowingFile } from './growing-file';
import { newFileError } from './local-file-error';
import { makeFolder } from './make-folder';

export interface NewFolder {
  /** Where the files are until all of them are there; absolute, and there once the first file is. */
  readonly partial: string;
  /** Writes one file and waits until the disk has it. Names may have folders in them: `step/model.json`. */
  readonly keep: (name: string, body: Uint8Array) => Promise<void>;
  /** Begins a file that memory should not hold, for `fill` to write and end. */
  readonly begin: (name: string) => Promise<GrowingFile>;
}

export interface FilledFolder<T> {
  /** Absolute path. */
  readonly path: string;
  /** Of all files. */
  readonly bytes: number;
  readonly result: T;
}

/**
 * Fills a folder, all or nothing: it appears under its name when `fill` is done, and nothing is left behind when it fails.
 * @param what goes into the folder, as messages name it: `the checkpoint`.
 * @throws ShowtellError `USAGE` when there is a file, or a folder that is not empty; `DISK_FULL`, `FILE_DENIED`; what `fill` throws.
 */
export async function fillNewFolder<T>(
  shown: string,
  what: string,
  fill: (folder: NewFolder) => Promise<T>,
  signal?: AbortSignal,
): Promise<FilledFolder<T>> {
  const path = resolve(shown);
  await refuseOccupied(path, shown, what);
  const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
  const files: GrowingFile[] = [];
  const begin = async (name: string) => {
    signal?.throwIfAborted();
    const where = join(partial, name);
    await makeFolder(dirname(where));
    const file = await GrowingFile.create(where);
    files.push(file);
    return file;
  };
  const keep = async (name: string, body: Uint8Array) => {
    const file = await begin(name);
    await file.write(body);
    await file.end();
  };
  try {
    const result = await fill({ partial, keep, begin });
    await rename(partial, path).catch((cause: unknown) => {
      throw new ShowtellError('USAGE', `${shown} appeared while ${what} was being written`, { cause });
    });
    return { path, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), result };
  } catch (error) {
    throw newFileError(error, `write ${what} to`, path);
  } finally {
    for (const file of files) await file.close();
    await rm(partial, { recursive: true, force: true });
  }
}

async function refuseOccupied(path: string, shown: string, what: string): Promise<void> {
  const there = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new ShowtellError('USAGE', `Expected a new or empty folder for ${what} but ${shown} is not one: ${error.message}`, {
      cause: error,
      hint: 'Name another folder.',
    });
  });
  if (there.length > 0)
    throw new ShowtellError('USAGE', `Expected a new or empty folder for ${what} but ${shown} is not empty`, {
      hint: 'Name another folder, or remove this one first.',
    });
}
