import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { Photo, PhotoTable } from './photo-table';

/** The files of a COCO dataset as they lie in a store: unpacked, or in the zip archives that COCO ships. */
export interface CocoView extends Pick<ObjectStore, 'url' | 'stream'> {
  /** Names of files in `annotations/`. Throws `NOT_A_DATASET` where archives have none. */
  annotations(signal?: AbortSignal): AsyncIterable<string>;
  /** Tells the photos of a folder (`val2017/`) that are there where they lie. */
  locate(photos: PhotoTable, folder: string, signal?: AbortSignal): Promise<ReadonlySet<Photo>>;
}
