import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { isShowtellError } from '@showtell/shared/errors';
import { thumbnail } from '@showtell/shared/image/thumbnail';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { planShard, readPlannedRun } from '@showtell/shared/planned-run';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { openSource } from '@showtell/shared/source/open';
import type { CaptionedImage } from '@showtell/trainer/caption-split';

/** Longest side, in pixels: twice what a page shows, for sharp screens. */
const SIDE = 560;

export interface ExamplePhotos {
  /** Small JPEGs by image id. */
  readonly photos: ReadonlyMap<string, Buffer>;
  /** Why photos are missing, if some are. */
  readonly trouble: string | undefined;
}

type Image = Pick<CaptionedImage, 'imageId' | 'run' | 'shard'>;

/**
 * Fetches the photos of a few images from where the run's came from, of a run with a base also the base's. A source that is away, or a
 * photo that is no longer what was planned, costs pictures and nothing else: what is missing is told.
 */
export async function readExamplePhotos(store: ObjectStore, images: readonly Image[], signal: AbortSignal): Promise<ExamplePhotos> {
  const photos = new Map<string, Buffer>();
  const troubles: string[] = [];
  for (const run of new Set(images.map((image) => image.run)))
    try {
      const own = images.filter((image) => image.run === run);
      for (const trouble of await readOfRun(store, run, own, photos, signal)) troubles.push(trouble);
    } catch (error) {
      signal.throwIfAborted();
      if (!isShowtellError(error)) throw error;
      troubles.push(error.message);
    }
  return { photos, trouble: troubles[0] };
}

/** Adds the photos of one run's images. @returns why some are missing. */
async function readOfRun(
  store: ObjectStore,
  run: string,
  images: readonly Image[],
  photos: Map<string, Buffer>,
  signal: AbortSignal,
): Promise<string[]> {
  const planned = await readPlannedRun(store, run, { signal });
  if (planned === undefined) return [`run ${run} has no plan in ${store.url}`];
  const troubles: string[] = [];
  const source = openSource(planned.request.source);
  try {
    for (const shard of new Set(images.map((image) => image.shard))) {
      const { key, bytes, sha256 } = planShard(planned, shard);
      const rows = rowsById(decodePlanRows(await readPart(store, { key, bytes, sha256 }, { signal }), key));
      for (const { imageId } of images.filter((image) => image.shard === shard))
        try {
          photos.set(imageId, await thumbnail(await source.read(rows.get(imageId)!, signal), SIDE));
        } catch (error) {
          if (!isShowtellError(error) || !OF_ONE_PHOTO.has(error.code)) throw error;
          troubles.push(`photo ${imageId}: ${error.message}`);
        }
    }
  } finally {
    await source.close();
  }
  return troubles;
}

/** The others are the source's own and would be met again at the next photo. */
const OF_ONE_PHOTO: ReadonlySet<string> = new Set(['MISSING_IMAGE', 'SOURCE_CHANGED', 'TOO_LARGE', 'UNSUPPORTED_FORMAT', 'CORRUPT_IMAGE']);

const rowsById = (rows: readonly PlanRow[]) => new Map(rows.map((row) => [row.imageId, row]));
