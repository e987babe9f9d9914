import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { newestManifest, readManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { DecodingSettings, type TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { type CaptionedImage, captionSplit } from './caption-split';
import { decodingOf } from './checkpoint/files';
import type { OpenModel } from './checkpoint/open-model';
import { readCaptions } from './dataset/features';
import { wordsOf } from './dataset/words';
import { checkOptions } from './decoding/settings';
import type { BootstrapOptions } from './evaluation/bootstrap';
import { type CaptionFigures, captionFigures, type Evaluation, evaluate } from './evaluation/evaluate';
import type { ScoresFile } from './evaluation/evaluation-files';
import { METRICS, type Metric, type Metrics } from './evaluation/scores';

export interface EvaluateModelOptions extends BootstrapOptions {
  readonly run: string;
  readonly split: string;
  /** In place of the checkpoint's own settings. */
  readonly decoding?: Partial<DecodingSettings> | undefined;
  /** Takes features of the same encoder in another precision. */
  readonly anyPrecision?: boolean;
  /** Only the first images of the split. */
  readonly limit?: number | undefined;
  /** Threads of the decoder; 0 (the default) for every core. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Told after each image. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** How a model does on a split: its scores, and every caption. */
export interface ModelEvaluation extends Evaluation {
  readonly model: OpenModel;
  readonly manifest: ManifestRecord;
  readonly split: string;
  readonly decoding: DecodingSettings;
  readonly captions: CaptionFigures;
  /** Those that have references. */
  readonly images: readonly (CaptionedImage & { readonly references: readonly string[] } & Metrics)[];
  /** Every image of the split; those without references have no scores. */
  readonly captioned: readonly CaptionedImage[];
}

/**
 * Captions a split from the features that a run holds, and scores the captions by the references that the run has.
 * @throws ShowtellError `EMPTY_DATASET` when no image of the split has a caption, `MIXED_ENCODER`, `NOT_FOUND`, `MISSING_SHARDS`,
 * `CORRUPT_SHARD`; the store's errors.
 */
export async function evaluateModel(store: ObjectStore, model: OpenModel, options: EvaluateModelOptions): Promise<ModelEvaluation> {
  const { run, split, limit = Number.POSITIVE_INFINITY, signal, onProgress = () => {} } = options;
  const { manifest } = await newestManifest(store, run, signal);
  const references = await readReferences(store, manifest, split, signal);
  const rows = manifest.splits.find((entry) => entry.split === split)?.rows ?? 0;
  const captioned: CaptionedImage[] = [];
  for await (const image of captionSplit(store, model, { ...options, manifest })) {
    captioned.push(image);
    onProgress(captioned.length, Math.min(rows, limit));
    if (captioned.length >= limit) break;
  }
  const referenced = captioned.flatMap((image) => {
    const found = references.get(image.imageId);
    return found ? [{ ...image, references: found }] : [];
  });
  if (referenced.length === 0)
    throw new ShowtellError('EMPTY_DATASET', `No image of split ${split} of run ${run} has both a feature and a caption to compare with`, {
      hint: `\`showtell status ${run}\` lists the splits.`,
    });
  const trainingCaptions = await readTrainingCaptions(store, model.training, signal);
  return {
    ...evaluate(referenced, options),
    model,
    manifest,
    split,
    captioned,
    decoding: decodingOf({ ...model.decoding, ...checkOptions(DecodingSettings.partial(), options.decoding ?? {}) }),
    captions: captionFigures(captioned, { vocabulary: model.vocabulary.wordCount, trainingCaptions }),
  };
}

/** What `scores.json` says. */
export function scoresOf({
  model,
  manifest,
  split,
  decoding,
  metrics,
  intervals,
  captions,
  images,
}: ModelEvaluation): Omit<ScoresFile, 'formatVersion'> {
  const { training, step } = model.record;
  return {
    model: model.model,
    training,
    step,
    run: manifest.run,
    split,
    precision: { features: manifest.encoder.precision, training: model.preprocessing.encoder.precision },
    decoding,
    metrics,
    intervals,
    captions,
    images: images.map((image) => ({
      image_id: image.imageId,
      file_name: image.fileName,
      caption: image.caption,
      references: [...image.references],
      ended: image.ended,
      logProbability: image.logProbability,
      ...metricsOf(image),
    })),
  };
}

const metricsOf = (metrics: Metrics): Metrics =>
  Object.fromEntries(METRICS.map((metric) => [metric, metrics[metric]])) as Record<Metric, number>;

/** The captions of each image of a split that have words: one without any would be the shortest reference, and true of nothing. */
async function readReferences(
  store: ObjectStore,
  manifest: ManifestRecord,
  split: string,
  signal?: AbortSignal,
): Promise<Map<string, string[]>> {
  const references = new Map<string, string[]>();
  for (const { imageId, caption } of await readCaptions(store, manifest, split, signal)) {
    if (wordsOf(caption).length === 0) continue;
    const found = references.get(imageId);
    if (found) found.push(caption);
    else references.set(imageId, [caption]);
  }
  return references;
}

/** The captions that a model was trained on, as it read them, or `undefined` where this store has not the run: a pulled folder goes anywhere. */
async function readTrainingCaptions(store: ObjectStore, training: TrainingRecord, signal?: AbortSignal): Promise<string[] | undefined> {
  const captions: string[] = [];
  try {
    for (const { run, key, sha256 } of training.manifests) {
      const { manifest } = await readManifest(store, key, sha256, signal);
      for (const { split } of training.trainSplits.filter((of) => of.run === run))
        for (const { caption } of await readCaptions(store, manifest, split, signal)) captions.push(wordsOf(caption).join(' '));
    }
  } catch (error) {
    if (isShowtellError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
  return captions;
}
