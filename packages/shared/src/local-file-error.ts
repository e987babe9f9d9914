import { isShowtellError, ShowtellError } from './errors';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG']);

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
  if (REFUSED.has(code))
    return new ShowtellError('FILE_DENIED', message, { cause: error, hint: 'Check who owns the folder and who may write to it.' });
  return error;
}
