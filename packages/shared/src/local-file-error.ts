import { isShowtellError, ShowtellError } from './errors';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const WHO = 'Check who owns the folder and who may write to it.';
const FILE_ABOVE = 'A file stands where its path has a folder: name another place.';
/** What one can do about each refusal. */
const REFUSED: Readonly<Record<string, string>> = {
  EACCES: WHO,
  EPERM: WHO,
  EROFS: WHO,
  ENOTDIR: FILE_ABOVE,
  EEXIST: FILE_ABOVE,
  EISDIR: 'It is a folder: name a file.',
  ENAMETOOLONG: 'Give it a shorter name.',
};

/**
 * What a system call's error means for a file of this machine (a cache, a pulled folder): `DISK_FULL` or `FILE_DENIED`.
 * Any other error comes back as it is.
 * @param action what was being done: `write the weights to`.
 */
export function localFileError(error: unknown, action: string, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (isShowtellError(error)) return error;
  const message = `Cannot ${action} ${path}: ${(error as Error).message}`;
  if (FULL.has(code))
    return new ShowtellError('DISK_FULL', message, { cause: error, hint: 'Make room on that disk and do the same again.' });
  const hint = REFUSED[code];
  return hint === undefined ? error : new ShowtellError('FILE_DENIED', message, { cause: error, hint });
}

/** The same for a file or folder that is made: nothing can be gone yet, so a system that finds nothing there takes none, as /proc. */
export function newFileError(error: unknown, action: string, path: string): unknown {
  const { code, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (isShowtellError(error) || code !== 'ENOENT') return localFileError(error, action, path);
  const hint = 'Nothing can be made there: name another folder.';
  return new ShowtellError('FILE_DENIED', `Cannot ${action} ${path}: ${message}`, { cause: error, hint });
}
