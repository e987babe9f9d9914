import { randomBytes } from 'node:crypto';
import { lstat, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ShowtellError } from './errors';
import { GrowingFile } from './growing-file';
import { newFileError } from './local-file-error';
import { makeFolder } from './make-folder';

export interface NewFile {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes a file of any size, all or nothing: it appears under its name when everything is on the disk, and nothing is left behind
 * when that fails.
 * @param what goes into the file, as messages name it: `the export`.
 * @throws ShowtellError `USAGE` when there is something of that name; `DISK_FULL`, `FILE_DENIED`; what `chunks` throws.
 */
export async function writeNewFile(shown: string, what: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<NewFile> {
  const path = resolve(shown);
  await refuseTaken(path, shown, what);
  const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
  try {
    const bytes = await write(partial, chunks, signal);
    await refuseTaken(path, shown, what);
    await rename(partial, path);
    return { path, bytes };
  } catch (error) {
    // What kept the file from being written may keep it from being removed; the first error is the one to tell.
    await rm(partial, { force: true }).catch(() => {});
    throw newFileError(error, `write ${what} to`, path);
  }
}

async function write(path: string, chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number> {
  await makeFolder(dirname(path));
  const file = await GrowingFile.create(path);
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      await file.write(chunk);
    }
    await file.end();
    return file.bytes;
  } finally {
    await file.close();
  }
}

/** Asked before an hour of work, and once more after it. */
async function refuseTaken(path: string, shown: string, what: string): Promise<void> {
  // Whatever else is wrong with the place, writing to it tells.
  const taken = await lstat(path).then(
    () => true,
    () => false,
  );
  if (taken)
    throw new ShowtellError('USAGE', `Expected a new file for ${what} but ${shown} is there`, {
      hint: 'Name another file, or remove this one first.',
    });
}
