import { ShowtellError } from '@showtell/shared/errors';
import { readManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { shardsOf } from '@showtell/shared/read-shard';
import type { SplitOfRun, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import type { FeatureTable } from '../dataset/feature-table';
import { readCaptions } from '../dataset/features';
import { openFeatures } from '../dataset/open-features';
import { type CaptionSamples, type Dropped, SampleCollector, sampleCount } from '../dataset/samples';
import { Vocabulary } from '../dataset/vocabulary';
import { WordNumbers } from '../dataset/word-numbers';
import { wordsOf } from '../dataset/words';
import { type FeatureStatistics, FeatureSums } from '../model/feature-statistics';
import { UNKNOWN } from '../model/tokens';
import { splitText } from './choose-splits';

/** What a training works with: captions in memory, features as far as memory holds them. */
export interface TrainingData {
  readonly vocabulary: Vocabulary;
  /** Of all images, those trained on first. */
  readonly features: FeatureTable;
  readonly featureBytes: number;
  readonly train: CaptionSamples;
  readonly validation: ValidationData | undefined;
  /** Of the features of all images that are trained on, where the network standardises them. */
  readonly statistics: FeatureStatistics | undefined;
  /** Captions left out of training. */
  readonly dropped: Dropped;
}

export interface ValidationData {
  readonly samples: CaptionSamples;
  /** Every image with captions: its row in the table of features, and all it is captioned with. */
  readonly images: readonly { readonly row: number; readonly references: readonly string[] }[];
}

export interface LoadOptions {
  /** Bytes of features that are kept in memory. */
  readonly featureMemory: number;
  /** Of the checkpoint that the training begins with; without one the vocabulary is that of the training captions. */
  readonly vocabulary: Vocabulary | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the splits that a training names through the manifests that it froze: every shard once, checked, and the captions.
 * @throws ShowtellError `EMPTY_DATASET` when a split has no caption to work with, or none with a known word; the errors of `readManifest` and
 * `readShard`.
 */
export async function loadTrainingData(
  store: ObjectStore,
  record: TrainingRecord,
  { featureMemory, vocabulary: given, signal }: LoadOptions,
): Promise<TrainingData> {
  const { trainSplits, validationSplits, hyperparameters } = record;
  const { dimension } = record.encoder;
  const manifests = new Map<string, ManifestRecord>();
  for (const { run, key, sha256 } of record.manifests) manifests.set(run, (await readManifest(store, key, sha256, signal)).manifest);
  const splits = [...trainSplits, ...validationSplits];
  const shards = splits.map(({ run, split }) => shardsOf(manifests.get(run)!, split));
  const sums = hyperparameters.standardize ? new FeatureSums(dimension) : undefined;
  const onShard = (split: number, rows: Float32Array) => {
    if (split < trainSplits.length) sums?.add(rows);
  };
  const { features, rowsOf } = await openFeatures(store, shards, { dimension, memory: featureMemory, onShard, signal });
  const captionsOf = async (split: SplitOfRun) => {
    const rows = rowsOf[splits.indexOf(split)]!;
    const found = await readCaptions(store, manifests.get(split.run)!, split.split, signal);
    return found.map(({ imageId, caption }) => ({ caption, row: rows.get(imageId) }));
  };

  const { train, vocabulary, dropped } = await readTrainingCaptions(record, captionsOf, given);
  const validation = validationSplits.length === 0 ? undefined : await readValidationCaptions(record, captionsOf, vocabulary);
  const featureBytes = shards.flat().reduce((sum, { bytes }) => sum + bytes, 0);
  return { vocabulary, features, featureBytes, train, validation, statistics: sums?.statistics(), dropped };
}

/** Captions of a split and the rows of their images; images that were rejected have none. */
type CaptionsOf = (split: SplitOfRun) => Promise<{ readonly caption: string; readonly row: number | undefined }[]>;

async function readTrainingCaptions(
  record: TrainingRecord,
  captionsOf: CaptionsOf,
  given: Vocabulary | undefined,
): Promise<Pick<TrainingData, 'train' | 'vocabulary' | 'dropped'>> {
  const { maxLength, minWordCount } = record.hyperparameters;
  const numbers = new WordNumbers();
  const collector = new SampleCollector(maxLength, (word) => given?.id(word) ?? numbers.number(word));
  for (const split of record.trainSplits) for (const { caption, row } of await captionsOf(split)) collector.add(caption, row);
  const train = collector.samples();
  const vocabulary = given ?? Vocabulary.ofCounts(numbers.counts(), minWordCount);
  if (!given) numbers.toIds(train.ids, vocabulary);
  checkSamples(train, collector.dropped, record.trainSplits, record);
  return { train, vocabulary, dropped: collector.dropped };
}

async function readValidationCaptions(record: TrainingRecord, captionsOf: CaptionsOf, vocabulary: Vocabulary): Promise<ValidationData> {
  const collector = new SampleCollector(record.hyperparameters.maxLength, (word) => vocabulary.id(word));
  const references = new Map<number, string[]>();
  for (const split of record.validationSplits)
    for (const { caption, row } of await captionsOf(split)) {
      collector.add(caption, row);
      if (row !== undefined && wordsOf(caption).length > 0) references.set(row, [...(references.get(row) ?? []), caption]);
    }
  const samples = collector.samples();
  checkSamples(samples, collector.dropped, record.validationSplits, record);
  const images = Array.from(references, ([row, texts]) => ({ row, references: texts })).sort((a, b) => a.row - b.row);
  return { samples, images };
}

function checkSamples(samples: CaptionSamples, dropped: Dropped, splits: readonly SplitOfRun[], record: TrainingRecord): void {
  const { maxLength, minWordCount } = record.hyperparameters;
  const what = `${splits.length === 1 ? 'Split' : 'Splits'} ${splits.map(splitText).join(', ')}`;
  const { tooLong, withoutWords, withoutFeature } = dropped;
  if (sampleCount(samples) === 0)
    throw new ShowtellError(
      'EMPTY_DATASET',
      `${what} left no caption to work with: ${tooLong} of more than ${maxLength} words, ${withoutWords} without words, ${withoutFeature} of images without a feature`,
      tooLong > 0 ? { hint: `Longer captions are taken with --set maxLength=N; ${OTHER_NAME}.` } : {},
    );
  if (samples.ids.some((id) => id > UNKNOWN)) return;
  if (record.from !== null)
    throw new ShowtellError(
      'EMPTY_DATASET',
      `${what}: no word is in the vocabulary of checkpoint ${record.from.model}, which this training begins with`,
      { hint: `Train from the beginning: without --from; ${OTHER_NAME}.` },
    );
  throw new ShowtellError(
    'EMPTY_DATASET',
    `${what}: no word is known, since none occurs ${minWordCount > 1 ? `${minWordCount} times ` : ''}in the training captions`,
    {
      // Of the training captions every word occurs once.
      hint: `${minWordCount > 1 ? 'Rarer words are taken with --set minWordCount=N' : 'Name another split with --validation-split, or none'}; ${OTHER_NAME}.`,
    },
  );
}

/** By now the training is frozen as it was asked for. */
const OTHER_NAME = 'give that training another name: --name NAME';
