import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localFileError, newFileError } from './local-file-error';

/**
 * Calls `work` with a folder for temporary files, which is gone afterwards.
 * @param what the files are, as messages name them: `the weights`.
 * @throws ShowtellError `DISK_FULL`, `FILE_DENIED` when folder or files cannot be written; what `work` throws.
 */
export async function withTemporaryFolder<T>(what: string, work: (folder: string) => Promise<T>): Promise<T> {
  const action = `write ${what} to`;
  const folder = await mkdtemp(join(tmpdir(), 'showtell-')).catch((error: unknown) => {
    throw newFileError(error, action, tmpdir());
  });
  try {
    return await work(folder);
  } catch (error) {
    throw localFileError(error, action, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
