import { writeFileSync } from 'node:fs';
import { decodeEncoderFile } from '@showtell/encoder-worker/encoder/encoder-file';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { type Hyperparameters, TRAINING_FORMAT, type TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { preprocessingOf } from '@showtell/shared/schema/encoder-identity';
import { saveCheckpoint } from '@showtell/trainer/checkpoint/checkpoints';
import { encodeCheckpointFiles } from '@showtell/trainer/checkpoint/files';
import { Vocabulary } from '@showtell/trainer/dataset/vocabulary';
import { createDecoder } from '@showtell/trainer/decoding/decoder';
import { type Architecture, architectureOf, initialParameters } from '@showtell/trainer/model/parameters';
import { seed } from '@showtell/trainer/model/presets/seed';
import { Random } from '@showtell/trainer/model/random';

const WORDS = ['a', 'dog', 'on', 'the', 'grass', 'and', 'two', 'boats', 'run', 'in', 'red', 'water'];
const PHOTOS = 12;

/** A captioner of random weights in a store, with features to caption. */
export interface SavedModel {
  /** Its name in the store. */
  readonly model: string;
  /** [photos, dimension] */
  readonly features: Float32Array;
  readonly dimension: number;
  /** What Showtell itself says, greedily. */
  readonly captions: readonly string[];
  /** Writes the features as `showtell encode` does. */
  writeFeatures(path: string): void;
}

/**
 * Commits a checkpoint whose weights are random, every bias among them, so that captions differ and the order of gates shows.
 * @param body the encoder's file
 */
export async function saveModel(
  store: ObjectStore,
  training: string,
  body: Buffer,
  hyperparameters: Partial<Hyperparameters> = {},
): Promise<SavedModel> {
  const { encoder, side, dimension, kind } = decodeEncoderFile(body, 'the encoder');
  const precision = kind === 'inception-v3-int8' ? 'int8' : 'float32';
  const record: TrainingRecord = {
    formatVersion: TRAINING_FORMAT,
    training,
    manifests: [{ run: 'drawn', key: 'runs/drawn/manifests/1.json', sha256: sha256('manifest') }],
    encoder: { encoder, weightsSha256: sha256(body), preprocessing: preprocessingOf(side), precision, dimension },
    preset: 'seed',
    hyperparameters: { ...seed.hyperparameters, units: 8, embedding: 5, maxLength: 8, ...hyperparameters },
    trainSplits: [{ run: 'drawn', split: 'train' }],
    validationSplits: [],
    from: null,
    seed: 7,
  };
  const vocabulary = Vocabulary.build([WORDS], 1);
  const architecture = architectureOf(record.hyperparameters, dimension, vocabulary.size);
  const weights = randomWeights(architecture);
  const cursor = { seed: 7, step: 3, epoch: 1, batch: 0, lossSum: 0, lossCount: 0, best: null };
  const files = encodeCheckpointFiles(record, vocabulary, cursor, { step: 3, weights, m: weights, v: weights });
  await store.put(keys.trainingJson(training), Buffer.from('{}'));
  await store.put(keys.weights(record.encoder.weightsSha256), body);
  await saveCheckpoint(
    store,
    { training, step: 3, epoch: 1, leaseEpoch: 1, loss: 1, validationLoss: null, validationCider: null, learningRate: 0.001 },
    files,
  );
  const random = new Random(8);
  const features = Float32Array.from({ length: PHOTOS * dimension }, () => 2 * random.normal());
  return {
    model: `${training}:3`,
    features,
    dimension,
    captions: await captionsOf(weights, architecture, features, vocabulary),
    writeFeatures: (path) => {
      const rows = Array.from({ length: PHOTOS }, (_, row) => [...features.subarray(row * dimension, (row + 1) * dimension)]);
      writeFileSync(path, rows.map((feature) => `${JSON.stringify({ feature })}\n`).join(''));
    },
  };
}

/** Every array all over the place, so that nothing that is left out goes unnoticed; deviations above zero. */
function randomWeights(architecture: Architecture): Map<string, NamedTensor> {
  const random = new Random(5);
  const weights = initialParameters(architecture, 1);
  for (const [name, { shape, data }] of weights)
    for (const index of data.keys())
      data[index] = name === 'features/deviation' ? 0.5 + random.uniform() : (shape.length > 1 ? 1 : 0.3) * random.normal();
  return weights;
}

async function captionsOf(
  weights: ReadonlyMap<string, NamedTensor>,
  architecture: Architecture,
  features: Float32Array,
  vocabulary: Vocabulary,
): Promise<string[]> {
  const decoding = { maxLength: 8, beam: 1, lengthNormalization: 0, blockUnknown: true, blockRepeats: 0 };
  const decoder = await createDecoder({ weights, architecture, decoding, threads: 1 });
  const decoded = await decoder.decode(features, PHOTOS);
  await decoder.close();
  return decoded.map(({ ids }) => vocabulary.decode(ids).join(' '));
}
