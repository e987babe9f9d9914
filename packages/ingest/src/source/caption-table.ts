import { posix } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { broken, ownCopy } from './annotation-records';
import { checkCaption } from './caption-text';
import type { CaptionsRecord } from './captions-file';
import { checkedName, checkedPath, describe } from './record-fields';
import { splitName } from './split-names';

/** All that captions files say of one photo. */
export interface CaptionedFile {
  /** Relative to the dataset. */
  readonly path: string;
  /** The first record of it. */
  readonly where: string;
  /** Mostly one. */
  readonly ids: readonly string[];
  readonly split: string;
  /** The split as the dataset names it. */
  readonly stored: string;
  readonly captions: readonly string[];
  /** Captions that break the limits, each with its place. */
  readonly rejected: readonly string[];
}

interface Entry {
  readonly path: string;
  readonly where: string;
  readonly ids: string[];
  readonly split: string | undefined;
  readonly captions: string[];
  readonly rejected: string[];
}

/** Where nothing says which split a photo belongs to. */
const ONLY_SPLIT = 'train';
/** First folders of file names that say it: with or without a COCO year. */
const SPLIT_FOLDER = /^(?:images\/)?((?:train|training|val|valid|validation|dev|test|testing|restval)(?:(?:19|20)\d\d)?)\//i;
const NONE: string[] = [];

/** Puts the records of captions files together, photo by photo, in the order in which the photos come. */
export class CaptionTable {
  private readonly byPath = new Map<string, Entry>();

  /** Throws `BROKEN_ANNOTATIONS`, or `ID_CONFLICT` for one photo in two splits. */
  take(record: CaptionsRecord, file: { readonly folder: string; readonly split?: string }, where: () => string): void {
    const path = `${file.folder}${checkedPath(record.path, 'the file name', where)}`;
    const split = record.split === undefined ? file.split : checkedName(record.split, 'the split', where);
    let entry = this.byPath.get(path);
    if (entry === undefined) this.byPath.set(path, (entry = { path, where: ownCopy(where()), ids: [], split, captions: [], rejected: [] }));
    if (entry.split !== split)
      throw new ShowtellError(
        'ID_CONFLICT',
        `${where()}: Expected split ${entry.split ?? 'none'} for ${path}, as before, but received ${split ?? 'none'}`,
      );
    if (record.id !== undefined) {
      const id = checkedName(record.id, 'the image id', where);
      if (!entry.ids.includes(id)) entry.ids.push(id);
    }
    for (const caption of record.captions ?? NONE) addCaption(entry, caption, where);
  }

  /** Throws `BROKEN_ANNOTATIONS` where only some of the photos have an id or a split, `NOT_A_DATASET` for a split without a name. */
  finish(): CaptionedFile[] {
    const entries = [...this.byPath.values()];
    const idOf = idsOf(entries);
    const storedOf = splitsOf(entries);
    const names = new Map<string, string>();
    return entries.map((entry) => {
      const stored = storedOf(entry);
      const split = names.get(stored) ?? splitName(stored, () => entry.where);
      names.set(stored, split);
      return { ...entry, ids: idOf(entry), split, stored };
    });
  }
}

function addCaption(entry: Entry, caption: unknown, where: () => string): void {
  if (typeof caption !== 'string') throw broken(`${where()}: Expected text for a caption but received ${describe(caption)}`);
  const checked = checkCaption(caption);
  if ('problem' in checked) entry.rejected.push(`${where()}: ${checked.problem}`);
  else entry.captions.push(ownCopy(checked.text));
}

/** Photos without ids are named by their file, without folder and extension where that is enough to tell all of them apart. */
function idsOf(entries: readonly Entry[]): (entry: Entry) => readonly string[] {
  const without = entries.find(({ ids }) => ids.length === 0);
  if (without === undefined) return ({ ids }) => ids;
  const having = entries.find(({ ids }) => ids.length > 0);
  if (having !== undefined)
    throw broken(`${without.where}: Expected an image id for ${without.path}, as for ${having.path}, but received none`);
  const names = new Set(entries.map(({ path }) => posix.parse(path).name));
  return names.size === entries.length ? ({ path }) => [posix.parse(path).name] : ({ path }) => [path];
}

/** Photos without split are of the one that their first folder names, where all lie in such folders; else of one split all. */
function splitsOf(entries: readonly Entry[]): (entry: Entry) => string {
  const without = entries.find(({ split }) => split === undefined);
  if (without === undefined) return ({ split }) => split!;
  const having = entries.find(({ split }) => split !== undefined);
  if (having !== undefined)
    throw broken(`${without.where}: Expected a split for ${without.path}, as for ${having.path}, but received none`);
  const folderOf = ({ path }: Entry) => SPLIT_FOLDER.exec(path)?.[1];
  return entries.every((entry) => folderOf(entry) !== undefined) ? (entry) => folderOf(entry)! : () => ONLY_SPLIT;
}
