import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it, as far as they are not there. Node's own `mkdir` with `recursive` never ends, and cannot be
 * interrupted, where a folder cannot be made in one that is there and answers that there is none, as in /proc.
 * @throws the system's error.
 */
export async function makeFolder(path: string): Promise<void> {
  if (await tryMake(path)) return;
  await makeFolder(dirname(path));
  await tryMake(path, true);
}

/** @returns false when what is above is not there. */
async function tryMake(path: string, last = dirname(path) === path): Promise<boolean> {
  try {
    await mkdir(path);
  } catch (error) {
    // The system may say anything of a folder that is there: EEXIST, EISDIR, EROFS.
    if (await isFolder(path)) return true;
    if (last || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return false;
  }
  return true;
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
