import { type Progress, startProgress } from './progress';

/** Megabytes: bytes are too many digits to read. */
const UNIT = 1e6;

/** Does some work that may download, and shows how far that is. */
export async function withDownloadProgress<T>(
  label: string,
  work: (onProgress: (done: number, total: number | undefined) => void) => Promise<T>,
): Promise<T> {
  let progress: Progress | undefined;
  try {
    return await work((done, total = done) => {
      progress ??= startProgress(`${label} (MB)`, Math.ceil(total / UNIT), { passing: true });
      progress.update(done === total ? Math.ceil(total / UNIT) : Math.floor(done / UNIT));
    });
  } finally {
    progress?.end();
  }
}
