import type { z } from 'zod';
import { ShowtellError } from './errors';
import { sha256 } from './hash';
import type { ObjectStore, StoredObject } from './object-store/object-store';
import { readAgain } from './read-again';
import { parseRecord } from './schema/record';

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
 * A record as it stands in the store; `undefined` where there is none. One that does not parse, or is not the expected one, is read again.
 * @throws ShowtellError as `parseRecord`; `CORRUPT_OBJECT` for another sha256 than expected.
 */
export async function readRecord<T extends z.ZodType>(
  store: ObjectStore,
  schema: T,
  formatVersion: number,
  key: string,
  { expected, ...options }: RecordOptions = {},
): Promise<FoundRecord<z.infer<T>> | undefined> {
  const checked = ({ body, etag }: StoredObject) => {
    const actual = sha256(body);
    if (expected !== undefined && actual !== expected)
      throw new ShowtellError('CORRUPT_OBJECT', `Expected sha256 ${expected} for ${key} but received ${actual}`, { retryable: false });
    return { record: parseRecord(schema, formatVersion, body, key), body, sha256: actual, etag };
  };
  return readAgain(store, key, checked, options);
}
