import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { chooseColumns, missingColumns } from './caption-columns';
import type { TakeCaptions } from './captions-file';
import { readJsonRecords } from './json-records';

/**
 * Reads a captions file of JSON lines, one photo each with a caption or a list of them; `null` is none.
 * Throws `BROKEN_ANNOTATIONS` with the line and column, or the record; or what the store or `take` throws.
 */
export async function readJsonlCaptions(store: ObjectStore, key: string, take: TakeCaptions, signal?: AbortSignal): Promise<void> {
  await readJsonRecords(store, key, { signal }, (record, where) => {
    const columns = chooseColumns(Object.keys(record));
    if (columns === undefined) throw missingColumns(where(), Object.keys(record));
    const field = (name: string | undefined) => (name === undefined ? undefined : (record[name] ?? undefined));
    const caption = field(columns.caption);
    const captions = caption === undefined ? [] : Array.isArray(caption) ? caption : [caption];
    take({ path: field(columns.file), captions, split: field(columns.split), id: field(columns.id) }, where);
  });
}
