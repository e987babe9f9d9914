import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectInfo, ObjectStore } from '@showtell/shared/object-store/object-store';
import { readDirectory } from '@showtell/shared/zip/directory';
import { streamEntry } from '@showtell/shared/zip/stream-entry';
import type { ZipEntry } from '@showtell/shared/zip/zip-entry';
import { ANNOTATIONS } from './coco-splits';
import type { CocoView } from './coco-view';
import type { Photo } from './photo-table';

/** Archives that have captions, as they are called by themselves or on COCO's public bucket. */
export const ANNOTATION_ARCHIVE = /^(?:annotations\/)?annotations_[^/]*\.zip$/;
const PHOTO_FOLDERS = ['', 'zips/'] as const;

/**
 * The same dataset in COCO's own zip archives, which are read by ranges: their directories here, single photos when they are prepared.
 * Throws what `readDirectory` and `streamEntry` throw, too.
 */
export function cocoArchives(store: ObjectStore): CocoView {
  const files = new Map<string, { readonly archive: ObjectInfo; readonly entry: ZipEntry }>();
  return {
    url: store.url,

    async *annotations(signal) {
      const archives: string[] = [];
      for await (const archive of store.list('annotations', { ...(signal && { signal }) })) {
        if (!ANNOTATION_ARCHIVE.test(archive.key)) continue;
        archives.push(archive.key);
        for await (const entry of readDirectory(store, archive, signal)) {
          if (!ANNOTATIONS.test(entry.entry)) continue;
          const other = files.get(entry.entry);
          if (other !== undefined) throw twice(store, entry.entry, [other.archive.key, archive.key]);
          files.set(entry.entry, { archive, entry });
        }
      }
      if (files.size === 0)
        throw new ShowtellError(
          'NOT_A_DATASET',
          `Expected annotations/captions_<split>.json in a zip archive annotations_….zip in ${store.url} but received none: ${archives.join(', ') || 'there is no such archive'}`,
          { hint: 'COCO ships its captions in annotations_trainval2017.zip.' },
        );
      yield* files.keys();
    },

    async stream(name, options) {
      const found = files.get(name);
      return found && streamEntry(store, found.archive, found.entry, options?.signal);
    },

    async locate(photos, folder, signal) {
      const found = new Set<Photo>();
      const archive = await photoArchive(store, folder.slice(0, -1), signal);
      if (archive === undefined) return found;
      const { key: sourceKey, etag } = archive;
      for await (const { bytes, ...zip } of readDirectory(store, archive, signal)) {
        const photo = photos.ofPath(zip.entry);
        // The path is the entry's name; taking it, the name is in memory once.
        if (photo !== undefined) found.add(Object.assign(photo, { sourceKey, etag, bytes, zip: { ...zip, entry: photo.path } }));
      }
      return found;
    },
  };
}

async function photoArchive(store: ObjectStore, split: string, signal?: AbortSignal): Promise<ObjectInfo | undefined> {
  for (const folder of PHOTO_FOLDERS) {
    const found = await store.head(`${folder}${split}.zip`, { ...(signal && { signal }) });
    if (found !== undefined) return found;
  }
  return undefined;
}

function twice(store: ObjectStore, name: string, archives: readonly string[]): ShowtellError {
  return new ShowtellError(
    'NOT_A_DATASET',
    `Expected ${name} in one zip archive in ${store.url} but received it in ${archives.join(' and ')}`,
    {
      hint: 'Take one of the archives away.',
    },
  );
}
