import { decodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { decodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { readPart } from '@showtell/shared/commit';
import { concurrently } from '@showtell/shared/concurrently';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { ManifestRecord, ManifestShard } from '@showtell/shared/schema/manifest';
import type { CaptionRow } from '@showtell/shared/schema/plan';
import type { PartRecord } from '@showtell/shared/schema/record';

/** Every feature of a split in manifest order. */
export interface SplitFeatures {
  readonly imageIds: readonly string[];
  readonly fileNames: readonly string[];
  /** Row-major [images, dimension]. */
  readonly features: Float32Array;
  readonly dimension: number;
}

const DOWNLOADS = 4;

/**
 * Reads all shards of a split into one array; each is checked against its sha256 before it is parsed.
 * @throws ShowtellError `CORRUPT_SHARD` naming the key; `NOT_FOUND` when the run has no such split.
 */
export async function readFeatures(
  store: ObjectStore,
  manifest: ManifestRecord,
  split: string,
  signal?: AbortSignal,
): Promise<SplitFeatures> {
  checkSplit(manifest, split);
  const { dimension } = manifest.encoder;
  const shards = manifest.shards.filter((shard) => shard.split === split);
  const offsets: number[] = [];
  let rows = 0;
  for (const shard of shards) {
    offsets.push(rows);
    rows += shard.rows;
  }
  const features = new Float32Array(rows * dimension);
  const imageIds: string[] = Array.from({ length: rows });
  const fileNames: string[] = Array.from({ length: rows });
  await concurrently(shards, DOWNLOADS, async (shard, index) => {
    const table = await readShard(store, shard, dimension, signal);
    const offset = offsets[index]!;
    features.set(table.features, offset * dimension);
    for (const [row, imageId] of table.imageIds.entries()) {
      imageIds[offset + row] = imageId;
      fileNames[offset + row] = table.fileNames[row]!;
    }
  });
  return { imageIds, fileNames, features, dimension };
}

/** The captions of a split. Errors as of `readFeatures`. */
export async function readCaptions(
  store: ObjectStore,
  manifest: ManifestRecord,
  split: string,
  signal?: AbortSignal,
): Promise<CaptionRow[]> {
  checkSplit(manifest, split);
  const rows: CaptionRow[] = [];
  for (const part of manifest.captions.filter((captions) => captions.split === split)) {
    const found = decodeCaptionRows(await readPart(store, partOf(part), signal && { signal }), part.key);
    for (const row of found) rows.push(row);
  }
  return rows;
}

async function readShard(store: ObjectStore, shard: ManifestShard, dimension: number, signal?: AbortSignal) {
  try {
    const table = decodeFeatureRows(await readPart(store, partOf(shard), signal && { signal }), shard.key);
    if (table.dimension !== dimension || table.imageIds.length !== shard.rows)
      throw new ShowtellError(
        'CORRUPT_SHARD',
        `Expected ${shard.rows} features of ${dimension} in ${shard.key} but received ${table.imageIds.length} of ${table.dimension}`,
      );
    return table;
  } catch (error) {
    if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    throw new ShowtellError('CORRUPT_SHARD', `Shard ${shard.shard} is not the one that was committed: ${error.message}`, {
      cause: error,
      hint: 'Bring the object back from a copy of the store, or encode the dataset as another run: showtell enqueue SOURCE --run NAME.',
    });
  }
}

const partOf = ({ key, bytes, sha256 }: PartRecord): PartRecord => ({ key, bytes, sha256 });

function checkSplit(manifest: ManifestRecord, split: string): void {
  const splits = manifest.splits.map((entry) => entry.split);
  if (splits.includes(split)) return;
  throw new ShowtellError(
    'NOT_FOUND',
    `Run ${manifest.run} has no split ${JSON.stringify(split)}; there ${splits.length === 1 ? 'is' : 'are'}: ${splits.join(', ')}`,
  );
}
