import { decodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { readPart } from '@showtell/shared/commit';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { checkSplit, readShards, shardsOf } from '@showtell/shared/read-shard';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
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
  const shards = shardsOf(manifest, split);
  const { dimension } = manifest.encoder;
  const features = new Float32Array(shards.reduce((sum, { rows }) => sum + rows, 0) * dimension);
  const imageIds: string[] = [];
  const fileNames: string[] = [];
  for await (const table of readShards(store, shards, dimension, signal)) {
    features.set(table.features, imageIds.length * dimension);
    for (const [row, imageId] of table.imageIds.entries()) {
      imageIds.push(imageId);
      fileNames.push(table.fileNames[row]!);
    }
  }
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

const partOf = ({ key, bytes, sha256 }: PartRecord): PartRecord => ({ key, bytes, sha256 });
