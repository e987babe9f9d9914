import { ShowtellError } from '../errors';
import { MAX_FILE_BYTES } from '../image/limits';
import { tooLarge } from '../image/prepare';
import type { ObjectStore } from '../object-store/object-store';
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
      if (zip) return readEntry(store, { key, etag }, { ...zip, bytes }, signal);
      return readObject(store, row, signal);
    },
    close: () => store.close(),
  };
}

async function readObject(store: ObjectStore, { sourceKey, etag }: PlanRow, signal?: AbortSignal): Promise<Buffer> {
  const found = await store.get(sourceKey, { ifMatch: etag, ...(signal && { signal }) });
  if (found === undefined) throw new ShowtellError('MISSING_IMAGE', `Expected a photo at ${sourceKey} but there is none`);
  return found.body;
}
