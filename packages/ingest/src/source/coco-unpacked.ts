import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { CocoView } from './coco-view';
import { findPhotos } from './find-photos';

/** A COCO dataset in a folder or under an S3 prefix. */
export function unpackedCoco(store: ObjectStore): CocoView {
  return {
    url: store.url,
    stream: (key, options) => store.stream(key, options),
    async *annotations(signal) {
      for await (const { key } of store.list('annotations/', { ...(signal && { signal }) })) yield key;
    },
    async locate(photos, folder, signal) {
      const { found } = await findPhotos(store, photos, { under: folder, folders: [''] }, signal);
      return found;
    },
  };
}
