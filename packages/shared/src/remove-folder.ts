import { concurrently } from './concurrently';
import { ShowtellError } from './errors';
import { type KeyKind, kindOfKey } from './key-kinds';
import type { ObjectInfo, ObjectStore } from './object-store/object-store';

const DELETES = 16;
/** Rounds of listing and deleting: a process that was stopped and goes on may write once more. */
const ROUNDS = 5;

type Kind = KeyKind | 'unknown';
const kindOf = ({ key }: ObjectInfo): Kind => kindOfKey(key)?.kind ?? 'unknown';
const sum = (objects: readonly ObjectInfo[]) => objects.reduce((total, { bytes }) => total + bytes, 0);

export interface FolderHoldings {
  readonly kinds: readonly { readonly kind: Kind; readonly count: number; readonly bytes: number }[];
  readonly count: number;
  readonly bytes: number;
}

/** What lies under a folder of keys, by kind. */
export async function lookAtFolder(
  store: ObjectStore,
  folder: string,
  options?: { readonly signal?: AbortSignal | undefined },
): Promise<FolderHoldings> {
  const objects = await objectsOf(store, folder, options?.signal);
  const kinds = [...new Set(objects.map(kindOf))].map((kind) => {
    const own = objects.filter((object) => kindOf(object) === kind);
    return { kind, count: own.length, bytes: sum(own) };
  });
  return { kinds, count: objects.length, bytes: sum(objects) };
}

export interface RemoveFolderOptions {
  /** Kinds of which all objects go before those of the next group do; kinds that are not listed go first. */
  readonly order: readonly (readonly Kind[])[];
  /** Kinds that stay. */
  readonly keep?: readonly Kind[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Deletes all objects of a folder in an order, until none is there any more. Manifests go one after the other.
 * @throws ShowtellError `RUN_LOCKED` when somebody writes new ones again and again.
 */
export async function removeFolder(
  store: ObjectStore,
  folder: string,
  { order, keep = [], signal, onProgress }: RemoveFolderOptions,
): Promise<{ readonly count: number; readonly bytes: number }> {
  let count = 0;
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const objects = (await objectsOf(store, folder, signal)).filter((object) => !keep.includes(kindOf(object)));
    if (objects.length === 0) return { count, bytes };
    const total = count + objects.length;
    for (const group of inOrder(objects, order)) {
      await concurrently(group, DELETES, async (object) => {
        signal?.throwIfAborted();
        await store.delete(object.key);
        count += 1;
        bytes += object.bytes;
        onProgress?.(count, total);
      });
    }
  }
  throw new ShowtellError('RUN_LOCKED', `Somebody is still writing objects under ${folder}`, {
    hint: 'Stop the workers, then say showtell rm again.',
  });
}

function inOrder(objects: readonly ObjectInfo[], order: RemoveFolderOptions['order']): ObjectInfo[][] {
  const rank = (object: ObjectInfo) => order.findIndex((kinds) => kinds.includes(kindOf(object)));
  const groups = [-1, ...order.keys()].map((index) => objects.filter((object) => rank(object) === index));
  return groups.flatMap((group) => (group.some((object) => kindOf(object) === 'manifest') ? oneByOne(group) : [group]));
}

/** The newest last, or the one before it would be taken for the newest. */
function oneByOne(manifests: readonly ObjectInfo[]): ObjectInfo[][] {
  const number = ({ key }: ObjectInfo) => Number(/(\d+)\.json$/.exec(key)?.[1]);
  return manifests.toSorted((a, b) => number(a) - number(b)).map((manifest) => [manifest]);
}

async function objectsOf(store: ObjectStore, folder: string, signal: AbortSignal | undefined): Promise<ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  for await (const object of store.list(folder, signal && { signal })) objects.push(object);
  return objects;
}
