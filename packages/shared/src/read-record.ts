import type { z } from 'zod';
import { isShowtellError, ShowtellError } from './errors';
import { sha256 } from './hash';
import type { ObjectStore } from './object-store/object-store';
import { parseRecord } from './schema/record';

const READS = 3;

export interface FoundRecord<T> {
  readonly record: T;
  readonly body: Buffer;
  readonly sha256: string;
  readonly etag: string;
}

/** What a record is, and what it must be. */
export interface RecordOptions {
  readonly signal?: AbortSignal;
  /** The sha256 by which another record names it. */
  readonly expected?: string | undefined;
}

/**
 * A record as it stands in the store; `undefined` where there is none. It may have been cut off on the way, however whole the answer
 * looks: one that does not parse, or is not the expected one, is read again a few times.
 * @throws ShowtellError as `parseRecord`; `CORRUPT_OBJECT` for another sha256 than expected.
 */
export async function readRecord<T extends z.ZodType>(
  store: ObjectStore,
  schema: T,
  formatVersion: number,
  key: string,
  { expected, ...options }: RecordOptions = {},
): Promise<FoundRecord<z.infer<T>> | undefined> {
  for (let read = 1; ; read++) {
    const found = await store.get(key, options);
    if (found === undefined) return undefined;
    try {
      const { body, etag } = found;
      const actual = sha256(body);
      if (expected !== undefined && actual !== expected)
        throw new ShowtellError('CORRUPT_OBJECT', `Expected sha256 ${expected} for ${key} but received ${actual}`, { retryable: false });
      return { record: parseRecord(schema, formatVersion, body, key), body, sha256: actual, etag };
    } catch (error) {
      if (read === READS || !isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    }
  }
}
