import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { prepare } from '@showtell/shared/image/prepare';

export interface PreparedPhotos {
  /** [299 × 299 × 3] each */
  readonly pixels: readonly Buffer[];
  /** CPU seconds of this process for reading, decoding and resizing one photo. */
  readonly cpuSeconds: number;
}

/** Prepares the photos of a COCO folder's splits in memory, one after another, so that the encoder can be measured alone. */
export async function preparePhotos(folder: string): Promise<PreparedPhotos> {
  const splits = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory() && entry.name !== 'annotations');
  const paths: string[] = [];
  for (const { name } of splits)
    for (const file of await readdir(join(folder, name))) if (/\.(jpe?g|png|webp)$/i.test(file)) paths.push(join(folder, name, file));
  if (paths.length === 0) throw new ShowtellError('NOT_A_DATASET', `Expected photos in the splits of ${folder} but received none`);
  const before = process.cpuUsage();
  const pixels: Buffer[] = [];
  for (const path of paths) pixels.push((await prepare(await readFile(path))).pixels);
  const { user, system } = process.cpuUsage(before);
  return { pixels, cpuSeconds: (user + system) / 1e6 / paths.length };
}
