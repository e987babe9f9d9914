import { concurrently } from './concurrently';
import { isName } from './names';
import type { ObjectStore } from './object-store/object-store';

const ASKED_AT_ONCE = 16;

/** Names of the folders directly below `folder` that hold the object which makes them what they are: `keyOf(name)`. What has no name that we give is not ours. */
export async function namedFolders(
  store: ObjectStore,
  folder: string,
  keyOf: (name: string) => string,
  options?: { readonly signal?: AbortSignal },
): Promise<string[]> {
  const names: string[] = [];
  for await (const name of store.folders(folder, options)) if (isName(name)) names.push(name);
  const held: boolean[] = [];
  await concurrently(names, ASKED_AT_ONCE, async (name, index) => {
    held[index] = (await store.head(keyOf(name), options)) !== undefined;
  });
  return names.filter((_, index) => held[index]);
}
