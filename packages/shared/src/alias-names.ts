import { keys } from './keys';
import type { ObjectStore } from './object-store/object-store';

/** Names of a training's aliases, whatever they point at and whether or not their records can be read. */
export async function aliasNames(store: ObjectStore, training: string, options?: { readonly signal?: AbortSignal }): Promise<string[]> {
  const folder = keys.aliases(training);
  const names: string[] = [];
  for await (const { key } of store.list(folder, options)) names.push(key.slice(folder.length).replace(/\.json$/, ''));
  return names;
}
