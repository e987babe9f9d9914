import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { readCaptions, readFeatures } from '../dataset/features';
import { readManifest } from '../dataset/manifest';
import { type CaptionSamples, captionSamples, type UsableCaptions, usableCaptions } from '../dataset/samples';
import { Vocabulary } from '../dataset/vocabulary';

/** Everything that a training reads, in memory. */
export interface TrainingData {
  readonly vocabulary: Vocabulary;
  readonly train: CaptionSamples;
  readonly validation: CaptionSamples | undefined;
  /** Captions left out of training, by reason. */
  readonly dropped: UsableCaptions['dropped'];
}

/**
 * Reads the splits that a training names through the manifest that it froze; the vocabulary is that of its training captions.
 * @throws ShowtellError `EMPTY_DATASET` when a split has no caption to work with; the errors of `readManifest` and `readFeatures`.
 */
export async function loadTrainingData(store: ObjectStore, training: TrainingRecord, signal?: AbortSignal): Promise<TrainingData> {
  const { manifest } = await readManifest(store, training.manifest.key, training.manifest.sha256, signal);
  const { maxLength, minWordCount } = training.hyperparameters;
  const read = async (split: string) => {
    const features = await readFeatures(store, manifest, split, signal);
    const usable = usableCaptions(features, await readCaptions(store, manifest, split, signal), maxLength);
    if (usable.words.length > 0) return { features, usable };
    throw new ShowtellError(
      'EMPTY_DATASET',
      `Split ${split} of run ${training.run} has no caption with a feature and 1 to ${maxLength} words`,
    );
  };
  const train = await read(training.trainSplit);
  const validation = training.validationSplit === null ? undefined : await read(training.validationSplit);
  const vocabulary = Vocabulary.build(train.usable.words, minWordCount);
  return {
    vocabulary,
    train: captionSamples(train.features, train.usable, vocabulary),
    validation: validation && captionSamples(validation.features, validation.usable, vocabulary),
    dropped: train.usable.dropped,
  };
}
