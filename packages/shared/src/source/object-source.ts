import { ShowtellError } from '../errors';
import { MAX_FILE_BYTES } from '../image/limits';
import { tooLarge } from '../image/prepare';
import type { ObjectStore } from '../object-store/object-store';
import type { SourceReader } from './source-reader';

/** Reads photos that are objects of a store, each under its source key. Closes the store with itself. */
export function objectSource(store: ObjectStore): SourceReader {
  return {
    async read(row, signal) {
      if (row.bytes > MAX_FILE_BYTES) throw tooLarge(row.bytes);
      const found = await store.get(row.sourceKey, { ifMatch: row.etag, ...(signal && { signal }) });
      if (found === undefined) throw new ShowtellError('MISSING_IMAGE', `Expected a photo at ${row.sourceKey} but there is none`);
      return found.body;
    },
    close: () => store.close(),
  };
}
