import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readCsvCaptions } from './csv-captions';
import { readJsonlCaptions } from './jsonl-captions';

/** What one row or record of a captions file says, unchecked. */
export interface CaptionsRecord {
  readonly path: unknown;
  readonly captions?: readonly unknown[];
  readonly split?: unknown;
  readonly id?: unknown;
}

/** A row that cannot be told apart into cells: nothing of it can be relied on, its file name neither. */
export interface UnreadableRow {
  readonly problem: string;
}

/** `where` names the row or record, for messages. */
export type TakeCaptions = (record: CaptionsRecord | UnreadableRow, where: () => string) => void;

const EXTENSION = /\.(?:(csv|tsv|txt)|(jsonl|ndjson))$/i;

export const isCaptionsFile = (name: string) => EXTENSION.test(name);

/** Reads a captions file of rows or of JSON lines, which its extension tells. Throws as the two do. */
export async function readCaptions(store: ObjectStore, key: string, take: TakeCaptions, signal?: AbortSignal): Promise<void> {
  const isRows = EXTENSION.exec(key)?.[1] !== undefined;
  await (isRows ? readCsvCaptions : readJsonlCaptions)(store, key, take, signal);
}
