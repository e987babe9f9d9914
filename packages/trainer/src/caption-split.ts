import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type Checkpoint, readCheckpointFiles } from './checkpoint/checkpoints';
import { CAPTIONER_FILES, decodeCaptionerFiles } from './checkpoint/files';
import { readFeatures } from './dataset/features';
import { newestManifest } from './dataset/manifest';
import { createDecoder } from './decoding/decoder';
import { differences } from './train/differences';

export interface CaptionedImage {
  readonly imageId: string;
  readonly fileName: string;
  /** Words with a space between them. */
  readonly caption: string;
  /** Natural logarithm of the caption's probability. */
  readonly logProbability: number;
}

export interface CaptionSplitOptions {
  readonly run: string;
  readonly split: string;
  /** Threads of the decoder; 0 (the default) for every core. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

const ROWS = 256;

/**
 * The caption of every image of a split, from the features that the run holds, in manifest order.
 * @throws ShowtellError `MIXED_ENCODER` when the run was not encoded as the checkpoint wants it; the errors of `newestManifest`,
 * `readFeatures` and `readCheckpointFiles`.
 */
export async function captionSplit(store: ObjectStore, checkpoint: Checkpoint, options: CaptionSplitOptions): Promise<CaptionedImage[]> {
  const { run, split, threads = 0, signal } = options;
  const files = decodeCaptionerFiles(await readCheckpointFiles(store, checkpoint, CAPTIONER_FILES), checkpoint.folder);
  const { manifest } = await newestManifest(store, run, signal);
  const mixed = differences(files.preprocessing.encoder, manifest.encoder);
  if (mixed.length > 0)
    throw new ShowtellError(
      'MIXED_ENCODER',
      `Run ${run} was not encoded as checkpoint ${checkpoint.folder} wants it:\n  ${mixed.join('\n  ')}`,
    );
  const { imageIds, fileNames, features, dimension } = await readFeatures(store, manifest, split, signal);
  const decoder = await createDecoder({ ...files, threads });
  try {
    const captioned: CaptionedImage[] = [];
    for (let from = 0; from < imageIds.length; from += ROWS) {
      signal?.throwIfAborted();
      const to = Math.min(from + ROWS, imageIds.length);
      const decoded = await decoder.decode(features.subarray(from * dimension, to * dimension), to - from);
      for (const [row, { ids, logProbability }] of decoded.entries()) {
        const caption = files.vocabulary.decode(ids).join(' ');
        captioned.push({ imageId: imageIds[from + row]!, fileName: fileNames[from + row]!, caption, logProbability });
      }
    }
    return captioned;
  } finally {
    await decoder.close();
  }
}
