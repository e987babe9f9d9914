import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeZipFile, type ZipMember } from './zip-writer';

/** Keys of the archives: as people download them, or as they lie on COCO's public bucket. */
export const LAYOUTS = {
  downloaded: { photos: '', annotations: '' },
  bucket: { photos: 'zips/', annotations: 'annotations/' },
} as const;
export type Layout = keyof typeof LAYOUTS;

/** An extra field as Info-ZIP writes it: the time and the owner of a file. */
const INFO_ZIP = Buffer.from('55540900037bfab5587bfab55875780b000104f50100000414000000', 'hex');

export interface ZipCocoOptions {
  readonly layout?: Layout;
  /** The last word on the members of an archive before it is written. */
  readonly edit?: (archive: string, members: ZipMember[]) => ZipMember[];
}

/** Zips a COCO folder as COCO ships it: an archive of photos for each split, and one of all annotations. Gives their keys in `target`. */
export async function zipCoco(
  folder: string,
  target: string,
  { layout = 'downloaded', edit = (_, members) => members }: ZipCocoOptions = {},
) {
  const places = LAYOUTS[layout];
  const keys: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const annotations = name === 'annotations';
    const key = annotations ? `${places.annotations}annotations_trainval2017.zip` : `${places.photos}${name}.zip`;
    const members: ZipMember[] = annotations ? [] : [{ name: `${name}/`, mode: 0o040755 }];
    for (const file of (await readdir(join(folder, name))).sort())
      members.push({
        name: `${name}/${file}`,
        body: await readFile(join(folder, name, file)),
        method: annotations ? 8 : 0,
        mode: 0o100644,
        localExtra: INFO_ZIP,
      });
    await mkdir(join(target, key, '..'), { recursive: true });
    await writeZipFile(join(target, key), edit(key, members));
    keys.push(key);
  }
  return keys;
}
