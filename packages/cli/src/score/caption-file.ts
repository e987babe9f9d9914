import { createReadStream } from 'node:fs';
import { readJsonTokens } from '@showtell/ingest/source/json-tokens';
import { ShowtellError } from '@showtell/shared/errors';
import { localFileError } from '@showtell/shared/local-file-error';
import { broken, type CaptionRecord, CaptionRecords } from './caption-records';

/**
 * Reads captions from a COCO results file (a list of `{image_id, caption}`), a COCO annotations file (`annotations` in an object), or
 * JSON lines of `{image_id, caption}`, whichever it is, as a stream: nothing is kept but what `take` keeps.
 * @throws ShowtellError `USAGE` when there is no such file, `FILE_DENIED`; `BROKEN_ANNOTATIONS` with the line and column, or the
 * record; or what `take` throws.
 */
export async function readCaptionFile(path: string, take: (record: CaptionRecord) => void, signal?: AbortSignal): Promise<void> {
  const records = new CaptionRecords(path, take);
  const text = { open: () => createReadStream(path), name: path, lines: true, broken };
  try {
    await readJsonTokens(text, (token) => records.consume(token), signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new ShowtellError('USAGE', `Expected a file of captions but there is no ${path}`, { cause: error });
    throw localFileError(error, 'read', path);
  }
  records.end();
}
