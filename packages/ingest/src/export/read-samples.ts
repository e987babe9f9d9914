import { decodeCaptionColumns } from '@showtell/shared/arrow/caption-rows';
import type { SampleRows } from '@showtell/shared/arrow/sample-batches';
import { readPart } from '@showtell/shared/commit';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readShards, shardsOf } from '@showtell/shared/read-shard';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { CaptionIndex } from './caption-index';

/**
 * The samples of some splits, shard after shard in the manifest's order; shards without any are passed over. In memory are the
 * captions of one split, and a few shards. Errors as of `readShard`, and `CORRUPT_OBJECT` for captions.
 */
export async function* readSamples(
  store: ObjectStore,
  manifest: ManifestRecord,
  splits: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<SampleRows> {
  for (const split of splits) {
    const captions = await readCaptionIndex(store, manifest, split, signal);
    for await (const { imageIds, fileNames, features } of readShards(store, shardsOf(manifest, split), manifest.encoder.dimension, signal))
      if (imageIds.length > 0)
        yield { imageIds, fileNames, split, captions: imageIds.map((imageId) => captions.captionsOf(imageId)), features };
  }
}

async function readCaptionIndex(store: ObjectStore, manifest: ManifestRecord, split: string, signal?: AbortSignal): Promise<CaptionIndex> {
  const parts = [];
  for (const { key, bytes, sha256 } of manifest.captions.filter((part) => part.split === split))
    parts.push(decodeCaptionColumns(await readPart(store, { key, bytes, sha256 }, signal && { signal }), key));
  return new CaptionIndex(parts);
}
