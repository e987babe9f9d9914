import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { Recognised, SourceKind } from './source-kind';

/** How many keys of one beginning are looked at: one page of S3. */
const LOOK_AT = 1000;
const MOST_NAMES = 10;

export interface Found extends Recognised {
  readonly kind: SourceKind;
}

/** The datasets in a folder or prefix, seen by a few list requests, whatever lies there. */
export async function recognise(store: ObjectStore, kinds: readonly SourceKind[], signal?: AbortSignal): Promise<readonly Found[]> {
  const prefixes = [...new Set(kinds.flatMap((kind) => kind.prefixes))];
  const keys = (await Promise.all(prefixes.map((prefix) => firstKeys(store, prefix, signal)))).flat();
  return kinds.flatMap((kind) => {
    const own = new Set(keys.filter((key) => kind.prefixes.some((prefix) => key.startsWith(prefix))));
    return kind.recognise([...own]).map((found) => ({ kind, ...found }));
  });
}

async function firstKeys(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix, { ...(signal && { signal }) })) if (keys.push(key) === LOOK_AT) break;
  return keys;
}

/** What is there instead of a dataset, and what each kind would look like. */
export async function notADataset(store: ObjectStore, kinds: readonly SourceKind[], signal?: AbortSignal): Promise<ShowtellError> {
  const names = new Set<string>();
  for (const key of await firstKeys(store, '', signal)) {
    names.add(key.includes('/') ? key.slice(0, key.indexOf('/') + 1) : key);
    if (names.size === MOST_NAMES) break;
  }
  const found =
    names.size === 0
      ? 'nothing: there is no such folder or prefix, or no file in it, or it is a file and no captions file'
      : [...names].join(', ');
  return new ShowtellError('NOT_A_DATASET', `Expected a dataset in ${store.url} but received ${found}`, {
    hint: `A dataset is one of these; name its folder or prefix, or its captions file:\n${describeKinds(kinds)}`,
  });
}

export function severalDatasets(store: ObjectStore, found: readonly Found[]): ShowtellError {
  const list = found.map(({ kind, name }) => `${name} (${kind.kind})`).join(', ');
  return new ShowtellError('NOT_A_DATASET', `Expected one dataset in ${store.url} but received ${found.length}: ${list}`, {
    hint: `Name the one you mean: ${found.map(({ name }) => shellWord(`${store.url.replace(/\/$/, '')}/${name}`)).join(' or ')}`,
  });
}

const shellWord = (text: string) => (text.includes('*') ? `'${text}'` : text);

/** A line for each kind of source. */
export function describeKinds(kinds: readonly SourceKind[]): string {
  const width = Math.max(...kinds.map(({ kind }) => kind.length));
  return kinds.map(({ kind, looks }) => `  ${kind.padEnd(width)}  ${looks}`).join('\n');
}
