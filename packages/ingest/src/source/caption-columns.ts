import { broken } from './annotation-records';

/** What a captions file may call its columns or fields, the first of several that are there being taken. Case does not matter. */
export const COLUMNS = {
  file: ['file_name', 'filename', 'image_name', 'file', 'path', 'image'],
  caption: ['caption', 'captions', 'text', 'comment'],
  split: ['split'],
  id: ['image_id', 'id'],
} as const;

export interface ChosenColumns {
  readonly file: string;
  readonly caption: string;
  readonly split: string | undefined;
  readonly id: string | undefined;
}

/** The columns to read among these names, or `undefined` where one that is needed is not among them. */
export function chooseColumns(names: readonly string[]): ChosenColumns | undefined {
  const called = new Map(names.map((name) => [normal(name), name]));
  const choose = (accepted: readonly string[]) => {
    const name = accepted.find((one) => called.has(one));
    return name === undefined ? undefined : called.get(name);
  };
  const [file, caption] = [choose(COLUMNS.file), choose(COLUMNS.caption)];
  return file === undefined || caption === undefined ? undefined : { file, caption, split: choose(COLUMNS.split), id: choose(COLUMNS.id) };
}

const normal = (name: string) => name.trim().toLowerCase().replace(/[ -]/g, '_');

/** @param where the file, or the record. */
export function missingColumns(where: string, names: readonly string[]) {
  return broken(
    `Expected columns of file names (${COLUMNS.file.join(', ')}) and of captions (${COLUMNS.caption.join(', ')}) in ${where} but received ${names.length === 0 ? 'none' : names.map((name) => JSON.stringify(name.trim())).join(', ')}`,
  );
}
