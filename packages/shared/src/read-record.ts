import type { z } from 'zod';
import { isShowtellError } from './errors';
import type { ObjectStore } from './object-store/object-store';
import { parseRecord } from './schema/record';

const READS = 3;

export interface FoundRecord<T> {
  readonly record: T;
  readonly body: Buffer;
  readonly etag: string;
}

/**
 * A record as it stands in the store; `undefined` where there is none. A record has no other that tells its length: one that does not
 * parse may have been cut off on the way, so it is read again a few times. Errors as of `parseRecord`.
 */
export async function readRecord<T extends z.ZodType>(
  store: ObjectStore,
  schema: T,
  formatVersion: number,
  key: string,
  options?: { readonly signal?: AbortSignal },
): Promise<FoundRecord<z.infer<T>> | undefined> {
  for (let read = 1; ; read++) {
    const found = await store.get(key, options);
    if (found === undefined) return undefined;
    try {
      return { record: parseRecord(schema, formatVersion, found.body, key), ...found };
    } catch (error) {
      if (read === READS || !isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    }
  }
}
