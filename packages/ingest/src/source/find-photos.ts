import { ShowtellError } from '@showtell/shared/errors';
import { checkFolder } from '@showtell/shared/object-store/key';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { ownCopy } from './annotation-records';
import type { Photo, PhotoTable } from './photo-table';

/** S3 may hold `val/../x.jpg`, but no store reads it: that would be another object wherever addresses are resolved. */
const REFUSED_NAME = /(?:^|\/)\.\.?(?:\/|$)/;

/** Where photos lie that have a captions file beside them: there, or in one of these folders. */
const BESIDE = ['', 'images/', 'Images/'] as const;

export interface PhotoPlaces {
  /** What is listed. */
  readonly under: string;
  /** Folders that the photos' paths are relative to; of a photo that lies in two of them, the first is taken. */
  readonly folders: readonly string[];
}

/** A folder that a person named, relative to the dataset, in one way of writing. Throws `USAGE` for one that is not below it. */
export function photoFolder(text: string): string {
  try {
    return checkFolder(`${text.replace(/^(?:\.\/)+|\/+$/g, '')}/`).slice(0, -1);
  } catch (cause) {
    throw new ShowtellError(
      'USAGE',
      `Expected a folder below that of the captions file for --photos but received ${JSON.stringify(text)}`,
      {
        cause,
      },
    );
  }
}

/** @param photos folder of all photos, relative to the dataset. */
export function photoPlaces(photos: string | undefined): PhotoPlaces {
  return photos === undefined ? { under: '', folders: BESIDE } : { under: `${photos}/`, folders: [`${photos}/`] };
}

export interface FoundPhotos {
  readonly found: ReadonlySet<Photo>;
  /** A folder that has a photo of the table and is none of the places. */
  readonly elsewhere: string | undefined;
}

/** Lists the source once, one request for a thousand objects, and gives the photos that are there their keys, etags and sizes. */
export async function findPhotos(
  store: ObjectStore,
  photos: PhotoTable,
  { under, folders }: PhotoPlaces,
  signal?: AbortSignal,
): Promise<FoundPhotos> {
  const found = new Map<Photo, number>();
  let elsewhere: string | undefined;
  for await (const { key, etag, bytes } of store.list(under, { ...(signal && { signal }) })) {
    if (REFUSED_NAME.test(key)) continue;
    let known = false;
    for (const [place, folder] of folders.entries()) {
      const photo = key.startsWith(folder) ? photos.ofPath(key.slice(folder.length)) : undefined;
      if (photo === undefined) continue;
      known = true;
      if ((found.get(photo) ?? folders.length) <= place) continue;
      found.set(photo, place);
      Object.assign(photo, { sourceKey: key === photo.path ? photo.path : ownCopy(key), etag: ownCopy(etag), bytes });
    }
    if (!known && found.size === 0) elsewhere ??= folderOfPhoto(key, photos);
  }
  return { found: new Set(found.keys()), elsewhere };
}

/** The folder that a key's photo would be relative to, should its end be a photo's path. */
function folderOfPhoto(key: string, photos: PhotoTable): string | undefined {
  for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1))
    if (photos.ofPath(key.slice(slash + 1)) !== undefined) return key.slice(0, slash);
  return undefined;
}

/** What to do where none of the photos that a captions file names is there. */
export function noPhotos(
  store: ObjectStore,
  captions: string,
  photos: PhotoTable,
  { under, elsewhere }: Pick<PhotoPlaces, 'under'> & Pick<FoundPhotos, 'elsewhere'>,
): ShowtellError {
  const first = photos.finish()[0]?.path;
  if (first === undefined) return new ShowtellError('EMPTY_DATASET', `Expected photos in ${captions} but received a file that names none`);
  const place = under === '' ? store.url : `${store.url.replace(/\/$/, '')}/${under}`;
  return new ShowtellError('EMPTY_DATASET', `Expected the photos that ${captions} names, such as ${first}, in ${place} but received none`, {
    hint:
      elsewhere === undefined
        ? 'Photos lie beside their captions file, in images/ there, or in the folder below it that --photos names.'
        : `There are some in ${elsewhere}/: --photos ${elsewhere}`,
  });
}
