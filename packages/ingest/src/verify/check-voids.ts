import { concurrently } from '@showtell/shared/concurrently';
import { isShowtellError, type ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listVoids, readVoid } from '../voids';
import { type Finding, FROM_A_COPY } from './finding';

const AT_ONCE = 32;

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/** Void records that cannot be read: until they can, no manifest can tell of all that was encoded again. */
export async function checkVoids(store: ObjectStore, run: string, { signal }: Options): Promise<Finding[]> {
  const options = signal && { signal };
  const findings: Finding[][] = [];
  await concurrently(await listVoids(store, run, options), AT_ONCE, async (entry, index) => {
    findings[index] = [];
    try {
      await readVoid(store, run, entry, options);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const { shard, number } = entry;
      const where = keys.void(run, shard, number);
      const message = error.message.replace(where, 'the void record');
      findings[index].push({ what: 'corrupt', run, shard, where, message, mend: 'operator', hint: error.hint ?? FROM_A_COPY });
    }
  });
  return findings.flat();
}

/**
 * Whether a shard without a commit record once had one: a manifest was written since it was last taken away.
 * @param manifest number of the newest one
 */
export async function wasDone(store: ObjectStore, run: string, shard: number, manifest: number, { signal }: Options): Promise<boolean> {
  if (manifest === 0) return false;
  const options = signal && { signal };
  const last = (await listVoids(store, run, { shard, ...options })).at(-1);
  if (last === undefined) return true;
  try {
    return (await readVoid(store, run, last, options))!.manifest < manifest;
  } catch (error) {
    // Then nobody knows; the void record is a finding of its own.
    if (!isUnreadable(error)) throw error;
    return false;
  }
}

const isUnreadable = (error: unknown): error is ShowtellError =>
  isShowtellError(error, 'CORRUPT_OBJECT') || isShowtellError(error, 'FORMAT_VERSION');
