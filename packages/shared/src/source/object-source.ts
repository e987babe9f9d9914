import { isShowtellError, ShowtellError } from '../errors';
import { MAX_FILE_BYTES } from '../image/limits';
import { tooLarge } from '../image/prepare';
import type { ObjectStore, StoredObject } from '../object-store/object-store';
import { READS, readAgain } from '../read-again';
import type { PlanRow } from '../schema/plan';
import { readEntry } from '../zip/read-entry';
import type { SourceReader } from './source-reader';

/** Reads photos that are objects of a store, each under its source key, or entries of zip archives there. Closes the store with itself. */
export function objectSource(store: ObjectStore): SourceReader {
  return {
    async read(row, signal) {
      const largest = Math.max(row.bytes, row.zip?.compressedBytes ?? 0);
      if (largest > MAX_FILE_BYTES) throw tooLarge(largest);
      const { sourceKey: key, etag, bytes, zip } = row;
      try {
        if (zip) return await readEntry(store, { key, etag }, { ...zip, bytes }, signal);
        return await readObject(store, row, signal);
      } catch (error) {
        throw isShowtellError(error, 'SOURCE_CHANGED') ? whatToDo(error) : error;
      }
    },
    close: () => store.close(),
  };
}

/** The message stands with the rejected photo, where its reader has nothing else. */
function whatToDo(cause: ShowtellError): ShowtellError {
  return new ShowtellError(
    'SOURCE_CHANGED',
    `${cause.message}; to take the dataset as it is now, enqueue it as a new run (--run NAME --base RUN keeps what has not changed)`,
    { cause },
  );
}

/**
 * The photo as it was planned. The etag is the planned one's, so a body of another length is no other object: it was cut off on the way,
 * however whole the answer looks, and would be taken for a damaged photo.
 */
async function readObject(store: ObjectStore, { sourceKey, etag, bytes }: PlanRow, signal?: AbortSignal): Promise<Buffer> {
  const checked = ({ body }: StoredObject) => {
    if (body.length === bytes) return body;
    throw new ShowtellError(
      'CORRUPT_OBJECT',
      `Expected ${bytes} bytes of ${sourceKey} in ${store.url} but received ${body.length}, ${READS} times`,
    );
  };
  const body = await readAgain(store, sourceKey, checked, { ifMatch: etag, ...(signal && { signal }) });
  if (body === undefined) throw new ShowtellError('MISSING_IMAGE', `Expected a photo at ${sourceKey} but there is none`);
  return body;
}
