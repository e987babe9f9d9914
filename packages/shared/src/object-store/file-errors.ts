import { isShowtellError, ShowtellError } from '../errors';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'EINVAL']);
/** A file stands where a folder should, or a folder where a file should. */
const OTHER_KIND = new Set(['ENOTDIR', 'EISDIR', 'EEXIST']);

/** What a system call's error means for an object, as the store's own error; any other error comes back as it is. */
export function fileError(error: unknown, operation: string, key: string, url: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (isShowtellError(error) || typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return error;
  const what = `Cannot ${operation} ${JSON.stringify(key)} in ${url}: ${(error as Error).message}`;
  if (FULL.has(code))
    return new ShowtellError('DISK_FULL', what, {
      cause: error,
      hint: 'Make room on the disk; what was committed is untouched.',
    });
  if (REFUSED.has(code))
    return new ShowtellError('STORE_DENIED', what, { cause: error, hint: 'Check who owns the folder and who may write to it.' });
  if (OTHER_KIND.has(code))
    return new ShowtellError('STORE_DENIED', what, {
      cause: error,
      hint: 'A file stands where the store has a folder, or a folder where it has a file: check its address.',
    });
  return new ShowtellError('STORE_UNREACHABLE', what, { cause: error });
}
