import { concurrently } from '@showtell/shared/concurrently';
import { ShowtellError } from '@showtell/shared/errors';
import { type KeyKind, kindOfKey } from '@showtell/shared/key-kinds';
import { storeTime } from '@showtell/shared/object-store/clock';
import type { Leftover, ObjectInfo, ObjectStore } from '@showtell/shared/object-store/object-store';
import { type Marks, mark, type Unreadable } from '../gc/mark';

/** Younger objects may belong to a writer that has not come to its record yet. */
export const LEAST_AGE_SECONDS = 24 * 60 * 60;
const DELETES = 16;
/** Objects that are told by name of those that are only counted. */
const EXAMPLES = 20;

export interface GarbageOptions {
  readonly store: ObjectStore;
  /** Deletes; otherwise only lists. */
  readonly remove?: boolean;
  /** By the store's own clock. Default and, without `force`, least: 24 h. */
  readonly olderThanSeconds?: number;
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  /** `read`: records that were read; `delete`: objects looked at to be deleted. */
  readonly onProgress?: (progress: { readonly step: 'read' | 'delete'; readonly done: number; readonly total: number }) => void;
}

export interface Garbage {
  readonly key: string;
  /** `leftover`: a temporary file, or an upload that was never completed. */
  readonly kind: KeyKind | 'leftover';
  readonly bytes: number;
  readonly lastModified: Date;
}

export interface Tally {
  readonly count: number;
  readonly bytes: number;
}

export interface GarbageReport {
  readonly store: string;
  /** What time it was for the store. */
  readonly now: Date;
  readonly olderThanSeconds: number;
  readonly objects: Tally;
  /** What nothing refers to and is old enough. */
  readonly garbage: readonly Garbage[];
  /** What nothing refers to but may still be on its way. */
  readonly young: Tally;
  /** What nothing readable refers to, but a record that cannot be read may. */
  readonly withheld: Tally;
  readonly unreadable: readonly Unreadable[];
  /** Objects, and unfinished uploads, that are none of Showtell's; never deleted. */
  readonly unknown: Tally & { readonly examples: readonly string[] };
  /** Runs that were claimed and never got a plan, and folders without the record that makes them a run or training: `rm` removes them. */
  readonly unplanned: readonly string[];
  readonly headless: readonly string[];
  /** `undefined` when it only listed. `missed`: what a record has come to name in the moment in which it was deleted. */
  readonly deleted: (Tally & { readonly missed: readonly string[] }) | undefined;
}

interface Found extends Garbage {
  readonly leftover?: Leftover;
}

/**
 * Finds what no record refers to, and deletes it where asked to. Killed at any line, it can be called again.
 *
 * What keeps it from deleting what somebody is about to name: all who commit write a part, again where it is there, before the record
 * that names it (see `commit`). So a part is deleted only when it is old, when the records as they are after that was seen do not name it,
 * and when it is still that old at the last moment. Between that look and the deletion lies one round trip, so it looks once more afterwards
 * and tells.
 * @throws ShowtellError `USAGE` for an age under 24 h without `force`; the store's errors.
 */
export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const { store, remove = false, olderThanSeconds = LEAST_AGE_SECONDS, force = false, signal, onProgress } = options;
  checkAge(olderThanSeconds, force);
  const onRead = (done: number, total: number) => onProgress?.({ step: 'read', done, total });
  const now = await storeTime(store, signal && { signal });
  const marks = await mark(store, { signal, onProgress: onRead });
  const unnamed: Found[] = marks.parts.filter(({ key }) => !marks.named.has(key));
  const unknown = [...marks.unknown];
  for await (const leftover of store.leftovers(signal && { signal })) {
    const { key, bytes, lastModified } = leftover;
    if (isOurs(leftover)) unnamed.push({ key, kind: 'leftover', bytes, lastModified, leftover });
    else unknown.push({ key, bytes, lastModified, etag: '' });
  }
  const isOld = ({ lastModified }: Garbage) => now.valueOf() - lastModified.valueOf() >= olderThanSeconds * 1_000;
  const old = unnamed.filter(isOld);
  const garbage = old.filter((found) => !isWithheld(found, marks));
  const deleted = remove ? await deleteAll(garbage, marks, options) : undefined;
  return {
    store: store.url,
    now,
    olderThanSeconds,
    objects: { count: marks.objects, bytes: marks.bytes },
    garbage: garbage.map(({ key, kind, bytes, lastModified }) => ({ key, kind, bytes, lastModified })),
    young: tally(unnamed.filter((found) => !isOld(found))),
    withheld: tally(old.filter((found) => isWithheld(found, marks))),
    unreadable: marks.unreadable,
    unknown: { ...tally(unknown), examples: unknown.slice(0, EXAMPLES).map(({ key }) => key) },
    unplanned: marks.unplanned,
    headless: marks.headless,
    deleted,
  };
}

function checkAge(olderThanSeconds: number, force: boolean): void {
  if (olderThanSeconds >= LEAST_AGE_SECONDS || force) return;
  throw new ShowtellError('USAGE', `Expected an age of at least 24 h but received ${olderThanSeconds / 3_600} h`, {
    hint: 'A worker, trainer or enqueue at work writes objects some time before the record that names them. When none is running, say --force.',
  });
}

const tally = (objects: readonly { readonly bytes: number }[]): Tally => ({
  count: objects.length,
  bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0),
});

/** Temporary files are, by their names; of uploads those that were to become an object that we know. */
const isOurs = ({ key, id }: Leftover) => id === '' || kindOfKey(key) !== undefined;

const isWithheld = ({ key, kind }: Garbage, { unreadable }: Marks) =>
  kind !== 'leftover' && unreadable.some(({ withheld }) => withheld.some((prefix) => key.startsWith(prefix)));

async function deleteAll(
  garbage: readonly Found[],
  before: Marks,
  { store, signal, onProgress }: GarbageOptions,
): Promise<GarbageReport['deleted']> {
  if (garbage.length === 0) return { ...tally([]), missed: [] };
  const marks = await mark(store, { before, signal });
  const deleted: Found[] = [];
  let done = 0;
  await concurrently(garbage, DELETES, async (found) => {
    signal?.throwIfAborted();
    const { leftover, key } = found;
    if (leftover !== undefined) {
      await store.removeLeftover(leftover);
      deleted.push(found);
    } else if (!marks.named.has(key) && !isWithheld(found, marks) && (await isUnchanged(store, found, signal))) {
      await store.delete(key);
      deleted.push(found);
    }
    onProgress?.({ step: 'delete', done: ++done, total: garbage.length });
  });
  const after = await mark(store, { before: marks, signal });
  const there = new Set(after.parts.map(({ key }) => key));
  return { ...tally(deleted), missed: deleted.map(({ key }) => key).filter((key) => after.named.has(key) && !there.has(key)) };
}

/** Whether nobody has written it again. In whole seconds: a list and a look at one object may tell time with different precision. */
async function isUnchanged(store: ObjectStore, { key, lastModified }: Garbage, signal?: AbortSignal): Promise<boolean> {
  const found: ObjectInfo | undefined = await store.head(key, signal && { signal });
  const seconds = (date: Date) => Math.floor(date.valueOf() / 1_000);
  return found !== undefined && seconds(found.lastModified) <= seconds(lastModified);
}
