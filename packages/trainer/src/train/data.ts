import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { SplitOfRun, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord, ManifestShard } from '@showtell/shared/schema/manifest';
import { FeatureCache } from '../dataset/feature-cache';
import { FeatureTable } from '../dataset/feature-table';
import { readCaptions, readShard, readShards, shardsOf } from '../dataset/features';
import { readManifest } from '../dataset/manifest';
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
  const { maxLength, minWordCount } = record.hyperparameters;
  const { dimension } = record.encoder;
  const manifests = new Map<string, ManifestRecord>();
  for (const { run, key, sha256 } of record.manifests) manifests.set(run, (await readManifest(store, key, sha256, signal)).manifest);
  const splits = [...record.trainSplits, ...record.validationSplits];
  const shards = splits.map(({ run, split }) => shardsOf(manifests.get(run)!, split));
  const sums = record.hyperparameters.standardize ? new FeatureSums(dimension) : undefined;
  const counted = shards.slice(0, record.trainSplits.length).flat().length;
  const count = (shard: number, rows: Float32Array) => {
    if (shard < counted) sums?.add(rows);
  };
  const { features, rowOf } = await openFeatures(store, shards, dimension, { featureMemory, signal, count });
  const captions = async (split: SplitOfRun) => {
    const row = rowOf[splits.indexOf(split)]!;
    const rows = await readCaptions(store, manifests.get(split.run)!, split.split, signal);
    return rows.map(({ imageId, caption }) => ({ caption, row: row.get(imageId) }));
  };

  const numbers = new WordNumbers();
  const training = new SampleCollector(maxLength, given ? (word) => given.id(word) : (word) => numbers.number(word));
  for (const split of record.trainSplits) for (const { caption, row } of await captions(split)) training.add(caption, row);
  const train = training.samples();
  const vocabulary = given ?? Vocabulary.ofCounts(numbers.counts(), minWordCount);
  if (!given) numbers.toIds(train.ids, vocabulary);
  checkSamples(train, training.dropped, record.trainSplits, record);

  const validating = new SampleCollector(maxLength, (word) => vocabulary.id(word));
  const references = new Map<number, string[]>();
  for (const split of record.validationSplits)
    for (const { caption, row } of await captions(split)) {
      validating.add(caption, row);
      if (row !== undefined && wordsOf(caption).length > 0) references.set(row, [...(references.get(row) ?? []), caption]);
    }
  const samples = validating.samples();
  if (record.validationSplits.length > 0) checkSamples(samples, validating.dropped, record.validationSplits, record);
  const images = Array.from(references, ([row, texts]) => ({ row, references: texts })).sort((a, b) => a.row - b.row);

  return {
    vocabulary,
    features,
    featureBytes: shards.flat().reduce((sum, { bytes }) => sum + bytes, 0),
    train,
    validation: record.validationSplits.length === 0 ? undefined : { samples, images },
    statistics: sums?.statistics(),
    dropped: training.dropped,
  };
}

/** Reads all shards once, to know which image has which row, and keeps as many as fit. */
async function openFeatures(
  store: ObjectStore,
  splits: readonly (readonly ManifestShard[])[],
  dimension: number,
  {
    featureMemory,
    signal,
    count,
  }: { featureMemory: number; signal: AbortSignal | undefined; count: (shard: number, features: Float32Array) => void },
): Promise<{ features: FeatureTable; rowOf: Map<string, number>[] }> {
  const shards = splits.flat();
  const cache = new FeatureCache(
    {
      bytes: shards.map(({ bytes }) => bytes),
      // Not stopped by a signal: whoever stops saves what he has, and closes the table.
      read: async (shard) => (await readShard(store, shards[shard]!, dimension)).features,
    },
    featureMemory,
  );
  const rowOf: Map<string, number>[] = [];
  let [shard, row] = [0, 0];
  for (const split of splits) {
    const rows = new Map<string, number>();
    for await (const { imageIds, features } of readShards(store, split, dimension, signal)) {
      count(shard, features);
      cache.offer(shard++, features);
      for (const imageId of imageIds) rows.set(imageId, row++);
    }
    rowOf.push(rows);
  }
  return {
    features: new FeatureTable(
      dimension,
      shards.map(({ rows }) => rows),
      cache,
    ),
    rowOf,
  };
}

function checkSamples(samples: CaptionSamples, dropped: Dropped, splits: readonly SplitOfRun[], record: TrainingRecord): void {
  const { maxLength, minWordCount } = record.hyperparameters;
  const what = `${splits.length === 1 ? 'Split' : 'Splits'} ${splits.map(splitText).join(', ')}`;
  const { tooLong, withoutWords, withoutFeature } = dropped;
  if (sampleCount(samples) === 0)
    throw new ShowtellError(
      'EMPTY_DATASET',
      `${what} left no caption to work with: ${tooLong} of more than ${maxLength} words, ${withoutWords} without words, ${withoutFeature} of images without a feature`,
      tooLong > 0 ? { hint: 'Longer captions are taken with --set maxLength=N.' } : {},
    );
  if (samples.ids.some((id) => id > UNKNOWN)) return;
  throw new ShowtellError(
    'EMPTY_DATASET',
    record.from === null
      ? `${what}: no word is known, since none occurs ${minWordCount} times in the training captions`
      : `${what}: no word is in the vocabulary of checkpoint ${record.from.model}, which this training begins with`,
    { hint: record.from === null ? 'Rarer words are taken with --set minWordCount=N.' : 'Train from the beginning: without --from.' },
  );
}
