import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readShards, shardsOf } from '@showtell/shared/read-shard';
import type { DecodingSettings } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { checkEncoder } from './check-encoder';
import type { OpenModel } from './checkpoint/open-model';
import { createDecoder } from './decoding/decoder';

export interface CaptionedImage {
  readonly imageId: string;
  readonly fileName: string;
  /** Number of the shard that holds its feature, in the plan of this run. */
  readonly shard: number;
  readonly run: string;
  /** Words with a space between them. */
  readonly caption: string;
  /** Whether the captioner ended the sentence itself, within the longest length it may have. */
  readonly ended: boolean;
  /** Natural logarithm of the caption's probability. */
  readonly logProbability: number;
}

export interface CaptionSplitOptions {
  readonly manifest: ManifestRecord;
  readonly split: string;
  /** In place of the checkpoint's own settings. */
  readonly decoding?: Partial<DecodingSettings> | undefined;
  /** Takes features of the same encoder in another precision. */
  readonly anyPrecision?: boolean;
  /** Threads of the decoder; 0 (the default) for every core. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * The caption of every image of a split, in manifest order, from the features that the run holds: a few shards of them are in memory.
 * @throws ShowtellError the errors of `checkEncoder`, `shardsOf`, `readShards` and `Decoder.decode`.
 */
export async function* captionSplit(store: ObjectStore, model: OpenModel, options: CaptionSplitOptions): AsyncGenerator<CaptionedImage> {
  const { manifest, split, decoding, anyPrecision = false, threads = 0, signal } = options;
  await checkEncoder(store, model, manifest, anyPrecision);
  const shards = shardsOf(manifest, split);
  const decoder = await createDecoder({ ...model, threads });
  try {
    let index = 0;
    for await (const { imageIds, fileNames, features } of readShards(store, shards, manifest.encoder.dimension, signal)) {
      signal?.throwIfAborted();
      const { shard, run = manifest.run } = shards[index++]!;
      const decoded = await decoder.decode(features, imageIds.length, decoding);
      for (const [row, { ids, ended, logProbability }] of decoded.entries()) {
        const caption = model.vocabulary.decode(ids).join(' ');
        yield { imageId: imageIds[row]!, fileName: fileNames[row]!, shard, run, caption, ended, logProbability };
      }
    }
  } finally {
    await decoder.close();
  }
}
