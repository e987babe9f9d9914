import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ShowtellError } from '@showtell/shared/errors';
import { spread } from '@showtell/shared/spread';
import { preparePhoto } from './encode-photos';

const AT_ONCE = 4;

export interface PhotosOptions {
  /** Of the pixels. */
  readonly side: number;
  readonly signal?: AbortSignal | undefined;
}

/** A folder of photos, those of the folders below it included. */
export interface PhotoFolder {
  /**
   * Prepared pixels of its photos, spread over them, so that whoever stops early has seen some of all. What is no photo, or a damaged
   * one, is passed over. Throws `EMPTY_DATASET` when none can be used.
   */
  photos(options: PhotosOptions): AsyncIterable<Buffer>;
}

/** Lists a folder. @throws ShowtellError `NOT_FOUND`. */
export async function openPhotoFolder(folder: string): Promise<PhotoFolder> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new ShowtellError(
      'NOT_FOUND',
      cause.code === 'ENOENT' ? `There is no folder ${folder}` : `The folder ${folder} cannot be read: ${cause.message}`,
      { cause },
    );
  });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return { photos: (options) => photosOf(folder, paths, options) };
}

async function* photosOf(folder: string, paths: readonly string[], { side, signal }: PhotosOptions): AsyncGenerator<Buffer> {
  const order = Array.from(spread(paths.length), (index) => paths[index]!);
  const prepared = Readable.from(order).map((path: string) => preparePhoto(path, side), {
    concurrency: AT_ONCE,
    ...(signal && { signal }),
  });
  let photos = 0;
  for await (const photo of prepared as AsyncIterable<Buffer | ShowtellError>) {
    signal?.throwIfAborted();
    if (!Buffer.isBuffer(photo)) continue;
    photos++;
    yield photo;
  }
  if (photos === 0)
    throw new ShowtellError('EMPTY_DATASET', `Expected photos in ${folder} but none of its ${paths.length} files is one that can be used`);
}
