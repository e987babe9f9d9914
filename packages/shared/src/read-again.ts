import { setTimeout as sleep } from 'node:timers/promises';
import { isShowtellError } from './errors';
import type { ObjectStore, ReadOptions, StoredObject } from './object-store/object-store';

/** Reads of an object until what is wrong with it is its own fault. */
export const READS = 3;

/**
 * What `check` makes of an object; `undefined` where there is none. It may have been cut off or changed on the way, however whole the
 * answer looks: while `check` throws `CORRUPT_OBJECT` it is read again, a little later, `READS` times in all.
 */
export async function readAgain<T>(
  store: ObjectStore,
  key: string,
  check: (found: StoredObject) => T,
  options: ReadOptions = {},
): Promise<T | undefined> {
  const { signal } = options;
  for (let read = 1; ; read++) {
    const found = await store.get(key, options);
    if (found === undefined) return undefined;
    try {
      return check(found);
    } catch (error) {
      if (read === READS || !isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    }
    await sleep(100 * read, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
  }
}
