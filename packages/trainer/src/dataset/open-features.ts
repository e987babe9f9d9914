import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readShard, readShards } from '@showtell/shared/read-shard';
import type { ManifestShard } from '@showtell/shared/schema/manifest';
import { FeatureCache } from './feature-cache';
import { FeatureTable } from './feature-table';

export interface OpenFeaturesOptions {
  readonly dimension: number;
  /** Bytes of features that are kept. */
  readonly memory: number;
  /** Sees the features of every shard once, in order, with the number of its split. */
  readonly onShard: (split: number, features: Float32Array) => void;
  readonly signal: AbortSignal | undefined;
}

export interface OpenedFeatures {
  /** Of all images of all splits, in the order of their shards. */
  readonly features: FeatureTable;
  /** Of each split, the row of each image. */
  readonly rowsOf: readonly ReadonlyMap<string, number>[];
}

/**
 * Reads all shards of some splits once, to check them and to know which image has which row, and keeps as many as fit.
 * Errors as of `readShard`.
 */
export async function openFeatures(
  store: ObjectStore,
  splits: readonly (readonly ManifestShard[])[],
  { dimension, memory, onShard, signal }: OpenFeaturesOptions,
): Promise<OpenedFeatures> {
  const shards = splits.flat();
  const bytes = shards.map((shard) => shard.bytes);
  // Not stopped by the signal: whoever stops saves what he has, and closes the table.
  const read = async (shard: number) => (await readShard(store, shards[shard]!, dimension)).features;
  const cache = new FeatureCache({ bytes, read }, memory);
  const rowsOf: Map<string, number>[] = [];
  let [shard, row] = [0, 0];
  for (const [split, own] of splits.entries()) {
    const rows = new Map<string, number>();
    for await (const { imageIds, features } of readShards(store, own, dimension, signal)) {
      onShard(split, features);
      cache.offer(shard++, features);
      for (const imageId of imageIds) rows.set(imageId, row++);
    }
    rowsOf.push(rows);
  }
  const counts = shards.map(({ rows }) => rows);
  return { features: new FeatureTable(dimension, counts, cache), rowsOf };
}
