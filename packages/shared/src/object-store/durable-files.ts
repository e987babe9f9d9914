import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ShowtellError } from '../errors';
import { makeFolder } from '../make-folder';

/** Names that begin so belong to the file store and are no objects. */
export const RESERVED = '.showtell-';
/** What a killed process left behind begins so, in the folder of the object it was meant for. */
export const TEMPORARY_PREFIX = `${RESERVED}tmp-`;

/** What opening a path may answer when no object can be there. */
export const ABSENT: readonly string[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP'];

/** An error handler that gives `undefined` for these system errors and throws every other one. */
export const ignore = (codes: readonly string[]) => (error: unknown) => {
  if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  return undefined;
};

export const temporaryIn = (folder: string) => join(folder, `${TEMPORARY_PREFIX}${process.pid}-${randomBytes(8).toString('hex')}`);

/**
 * Writes `body` to a temporary file of `folder`, waits until the disk has it, and calls `use` with its path and stats.
 * The temporary name is gone afterwards, whatever happens.
 */
export async function withTemporary<T>(
  folder: string,
  body: Uint8Array,
  signal: AbortSignal | undefined,
  use: (temporary: string, written: BigIntStats) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  await makeFolder(folder);
  const temporary = temporaryIn(folder);
  try {
    const handle = await open(temporary, 'wx');
    let written: BigIntStats;
    try {
      await handle.writeFile(body);
      await handle.sync();
      written = await handle.stat({ bigint: true });
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    return await use(temporary, written);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Gives a finished file a further name, or returns false when that name is taken. Of two at once exactly one gets it. */
export async function linkNew(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS')
      throw new ShowtellError('UNSAFE_STORE', `The file system of ${name} has no hard links, by which a file is created only once`, {
        cause: error,
        hint: 'Put the store on another disk (ext4, xfs, btrfs, APFS and NFS have them; FAT and some network folders do not).',
      });
    throw error;
  }
}

/**
 * Proves that a name is given once in a folder, by names that belong to nobody.
 * @throws ShowtellError `UNSAFE_STORE`.
 */
export async function proveLinks(folder: string, signal: AbortSignal | undefined): Promise<void> {
  await withTemporary(folder, Buffer.of(), signal, async (temporary) => {
    const name = temporaryIn(folder);
    try {
      const [first, second] = [await linkNew(temporary, name), await linkNew(temporary, name)];
      if (!first || second)
        throw new ShowtellError('UNSAFE_STORE', `The file system of ${folder} gave one name to two files, so commits would not be safe`, {
          hint: 'Put the store on another disk.',
        });
    } finally {
      await rm(name, { force: true });
    }
  });
}

/** Waits until the disk has the names of a folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
