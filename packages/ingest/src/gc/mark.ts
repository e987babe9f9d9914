import { concurrently } from '@showtell/shared/concurrently';
import { isShowtellError } from '@showtell/shared/errors';
import { type KeyKind, kindOfKey } from '@showtell/shared/key-kinds';
import { keys } from '@showtell/shared/keys';
import type { ObjectInfo, ObjectStore } from '@showtell/shared/object-store/object-store';
import { isPart, NAMING } from './references';

/** Records read at once. */
const READS = 32;

export interface Part extends ObjectInfo {
  readonly kind: KeyKind;
}

/** A record that cannot be read, so that what it may name must stay. */
export interface Unreadable {
  readonly key: string;
  readonly reason: string;
  /** Beginnings of the keys that must stay. */
  readonly withheld: readonly string[];
}

/** All objects of a store, and which of them its records name. */
export interface Marks {
  /** Records that name keys → their etag when they were read. */
  readonly records: ReadonlyMap<string, string>;
  readonly named: ReadonlySet<string>;
  /** Objects that exist only by a record that names them. */
  readonly parts: readonly Part[];
  readonly unreadable: readonly Unreadable[];
  /** Objects of no kind that Showtell knows. */
  readonly unknown: readonly ObjectInfo[];
  readonly objects: number;
  readonly bytes: number;
  /** Runs that were claimed and have no plan. */
  readonly unplanned: readonly string[];
  /** Folders of runs and trainings without the record that makes them. */
  readonly headless: readonly string[];
}

export interface MarkOptions {
  /** Marks of before: their records are read again only where they have changed, and what they name still counts. */
  readonly before?: Marks;
  readonly signal?: AbortSignal | undefined;
  /** Records read so far, and found. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Lists the whole store and reads every record that names keys. Writes nothing. */
export async function mark(store: ObjectStore, { before, signal, onProgress }: MarkOptions = {}): Promise<Marks> {
  const options = signal && { signal };
  const parts: Part[] = [];
  const unknown: ObjectInfo[] = [];
  const records = new Map<string, string>();
  const owners = new Owners();
  let objects = 0;
  let bytes = 0;
  for await (const info of store.list('', options)) {
    objects += 1;
    bytes += info.bytes;
    const known = kindOfKey(info.key);
    if (known === undefined) {
      unknown.push(info);
      continue;
    }
    if (isPart(known.kind)) parts.push({ ...info, kind: known.kind });
    if (known.kind in NAMING) records.set(info.key, info.etag);
    owners.see(info.key, known.kind);
  }
  const changed = [...records].filter(([key, etag]) => before?.records.get(key) !== etag).map(([key]) => key);
  const named = new Set(before?.named);
  const unreadable: Unreadable[] = owners.lost().map(({ kind, owner, key, left }) => ({
    key,
    reason: `${key} is gone, although there is ${left}`,
    withheld: NAMING[kind]!.within(owner),
  }));
  let done = 0;
  await concurrently(changed, READS, async (key) => {
    const { kind, owner = '' } = kindOfKey(key)!;
    const naming = NAMING[kind]!;
    try {
      const found = await store.get(key, options);
      // Gone since the listing: whoever removed it wanted what it named to go.
      for (const name of found ? naming.names(found.body, key) : []) named.add(name);
    } catch (error) {
      if (!isShowtellError(error, 'CORRUPT_OBJECT') && !isShowtellError(error, 'FORMAT_VERSION')) throw error;
      records.delete(key);
      unreadable.push({ key, reason: error.message, withheld: naming.within(owner) });
    }
    onProgress?.(++done, changed.length);
  });
  return { records, named, parts, unreadable, unknown, objects, bytes, ...owners.told() };
}

/**
 * Records, and those of the same owner that are never there without them: `rm` takes these away first, so a record that is missing
 * beside one of them was lost.
 */
const HEADS = [
  { kind: 'run', keyOf: keys.runJson, behind: ['plan', 'commit', 'manifest'] },
  { kind: 'plan', keyOf: keys.plan, behind: ['commit', 'manifest'] },
  { kind: 'training', keyOf: keys.trainingJson, behind: ['checkpoint', 'alias'] },
] as const satisfies readonly { readonly kind: KeyKind; readonly keyOf: (owner: string) => string; readonly behind: readonly KeyKind[] }[];

/** Which records the runs and trainings have that make them what they are. */
class Owners {
  /** Folder → kind → the first key of it. */
  readonly #folders = new Map<string, Map<KeyKind, string>>();

  see(key: string, kind: KeyKind): void {
    const folder = /^(?:runs|trainings)\/[^/]+\//.exec(key)?.[0];
    if (folder === undefined) return;
    const kinds = this.#folders.get(folder) ?? new Map<KeyKind, string>();
    this.#folders.set(folder, kinds.has(kind) ? kinds : kinds.set(kind, key));
  }

  /** Records that are gone, with the key of one that is never there without them. */
  lost() {
    return [...this.#folders].flatMap(([folder, kinds]) =>
      HEADS.flatMap(({ kind, keyOf, behind }) => {
        const left = behind.map((other) => kinds.get(other)).find((key) => key !== undefined);
        const owner = nameOf(folder);
        return left === undefined || kinds.has(kind) ? [] : [{ kind, owner, key: keyOf(owner), left, folder }];
      }),
    );
  }

  told(): Pick<Marks, 'unplanned' | 'headless'> {
    const lost = new Set(this.lost().map(({ folder }) => folder));
    const left = [...this.#folders].filter(([folder]) => !lost.has(folder));
    return {
      unplanned: left.filter(([, kinds]) => kinds.has('run') && !kinds.has('plan')).map(([folder]) => nameOf(folder)),
      headless: left.filter(([, kinds]) => !kinds.has('run') && !kinds.has('training')).map(([folder]) => folder),
    };
  }
}

const nameOf = (folder: string) => folder.split('/')[1]!;
