import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '@showtell/shared/safetensors';
import { DecodingSettings, TRAINING_FORMAT, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import { EncoderIdentity, sideOf } from '@showtell/shared/schema/encoder-identity';
import { Count, encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import { z } from 'zod';
import { Vocabulary } from '../dataset/vocabulary';
import type { TrainingState } from '../engine/engine';
import { type Architecture, architectureOf, checkMoments, checkParameters } from '../model/parameters';
import { asCorruptCheckpoint } from './corrupt';

/** Version of `preprocessing.json` and `cursor.json`. */
const FILE_FORMAT = 1;
const DECODING_FORMAT = 2;

/** Which encoder, from which pixels, makes the features that the captioner was fitted on. */
export const Preprocessing = z.strictObject({
  formatVersion: z.literal(FILE_FORMAT),
  encoder: EncoderIdentity,
  /** The encoder's input: rows × columns × channels of uint8. */
  input: z.tuple([z.int().positive(), z.int().positive(), z.literal(3)]),
  /** Where the object store keeps the encoder's weights. */
  weightsKey: z.string(),
});
export type Preprocessing = z.infer<typeof Preprocessing>;

export const Decoding = DecodingSettings.extend({ formatVersion: z.literal(DECODING_FORMAT) });
export type Decoding = z.infer<typeof Decoding>;

/** Where a training stands. Every order is drawn from `seed` and `epoch` alone, so there is no other random state. */
export const Cursor = z.strictObject({
  formatVersion: z.literal(FILE_FORMAT),
  seed: z.int(),
  step: Count,
  /** Epochs that are over: their validation is done. */
  epoch: Count,
  /** Batches done of the epoch that is not over. */
  batch: Count,
  /** Σ of the losses in the epoch that is not over, and of how many: one for each real token, or for each caption that was drawn. */
  lossSum: z.number(),
  lossCount: Count,
  /** The best epoch so far, by the training's `validationMetric`; patience counts from it. `null` before the first, and without validation. */
  best: z.strictObject({ epoch: Count, step: Count, loss: z.number(), cider: z.number() }).nullable(),
});
export type Cursor = z.infer<typeof Cursor>;

/** What captions are made with. */
export interface CaptionerFiles {
  readonly training: TrainingRecord;
  readonly vocabulary: Vocabulary;
  readonly preprocessing: Preprocessing;
  readonly decoding: DecodingSettings;
  /** Of the network that the weights are for. */
  readonly architecture: Architecture;
  readonly weights: ReadonlyMap<string, NamedTensor>;
}

/** What training goes on with. */
export interface TrainerFiles extends CaptionerFiles {
  readonly cursor: Cursor;
  readonly state: TrainingState;
}

export const CAPTIONER_FILES = ['training.json', 'vocabulary.json', 'preprocessing.json', 'decoding.json', 'weights.safetensors'] as const;
export const TRAINER_FILES = [...CAPTIONER_FILES, 'cursor.json', 'optimizer.safetensors'] as const;
export type CheckpointFile = (typeof TRAINER_FILES)[number];

export function decodingOf({ maxLength, beam, lengthNormalization, blockUnknown, blockRepeats }: DecodingSettings): DecodingSettings {
  return { maxLength, beam, lengthNormalization, blockUnknown, blockRepeats };
}

/** The bytes of every file of a checkpoint but COMMIT.json; the same training at the same step gives the same bytes. */
export function encodeCheckpointFiles(
  training: TrainingRecord,
  vocabulary: Vocabulary,
  cursor: Omit<Cursor, 'formatVersion'>,
  state: TrainingState,
): Record<CheckpointFile, Buffer> {
  const side = sideOf(training.encoder.preprocessing);
  const preprocessing: Preprocessing = {
    formatVersion: FILE_FORMAT,
    encoder: training.encoder,
    input: [side, side, 3],
    weightsKey: keys.weights(training.encoder.weightsSha256),
  };
  const decoding: Decoding = { formatVersion: DECODING_FORMAT, ...decodingOf(training.hyperparameters) };
  return {
    'training.json': encodeRecord(training),
    'vocabulary.json': encodeRecord(vocabulary),
    'preprocessing.json': encodeRecord(preprocessing),
    'decoding.json': encodeRecord(decoding),
    'weights.safetensors': encodeSafetensors([...state.weights.values()]),
    'cursor.json': encodeRecord({ formatVersion: FILE_FORMAT, ...cursor } satisfies Cursor),
    'optimizer.safetensors': encodeSafetensors([...prefixed('m', state.m), ...prefixed('v', state.v)]),
  };
}

type FilesOf<Name extends CheckpointFile> = Readonly<Record<Name, Uint8Array>>;

/**
 * Parses files whose sha256 was checked. @param where names their folder in errors (`CORRUPT_CHECKPOINT`, `FORMAT_VERSION`).
 */
export function decodeCaptionerFiles(files: FilesOf<(typeof CAPTIONER_FILES)[number]>, where: string): CaptionerFiles {
  return asCorruptCheckpoint(() => {
    const training = parseRecord(TrainingRecord, TRAINING_FORMAT, files['training.json'], `${where}training.json`);
    const vocabulary = Vocabulary.parse(JSON.parse(Buffer.from(files['vocabulary.json']).toString('utf8')), `${where}vocabulary.json`);
    const preprocessing = decodePreprocessing(files['preprocessing.json'], where);
    const { formatVersion: _, ...decoding } = parseRecord(Decoding, DECODING_FORMAT, files['decoding.json'], `${where}decoding.json`);
    const { tensors: weights } = decodeSafetensors(files['weights.safetensors'], `${where}weights.safetensors`);
    const [words] = weights.get('embedding/embeddings')?.shape ?? [];
    if (words !== undefined && words !== vocabulary.size)
      throw new ShowtellError('CORRUPT_CHECKPOINT', `Expected ${words} words in ${where}vocabulary.json but received ${vocabulary.size}`);
    const architecture = architectureOf(training.hyperparameters, training.encoder.dimension, vocabulary.size);
    checkParameters(weights, architecture, `${where}weights.safetensors`);
    return { training, vocabulary, preprocessing, decoding, architecture, weights };
  });
}

export function decodePreprocessing(file: Uint8Array, where: string): Preprocessing {
  return asCorruptCheckpoint(() => {
    const preprocessing = parseRecord(Preprocessing, FILE_FORMAT, file, `${where}preprocessing.json`);
    const expected = keys.weights(preprocessing.encoder.weightsSha256);
    if (preprocessing.weightsKey !== expected)
      throw new ShowtellError(
        'CORRUPT_CHECKPOINT',
        `Expected ${where}preprocessing.json to name ${expected} but received ${preprocessing.weightsKey}`,
      );
    return preprocessing;
  });
}

export function decodeTrainerFiles(files: FilesOf<CheckpointFile>, where: string): TrainerFiles {
  return asCorruptCheckpoint(() => {
    const captioner = decodeCaptionerFiles(files, where);
    const cursor = parseRecord(Cursor, FILE_FORMAT, files['cursor.json'], `${where}cursor.json`);
    const { tensors } = decodeSafetensors(files['optimizer.safetensors'], `${where}optimizer.safetensors`);
    const [m, v] = (['m', 'v'] as const).map((moment) => {
      const found = unprefixed(moment, tensors);
      checkMoments(found, captioner.architecture, `${moment}/ of ${where}optimizer.safetensors`);
      return found;
    });
    return { ...captioner, cursor, state: { step: cursor.step, weights: captioner.weights, m: m!, v: v! } };
  });
}

function prefixed(moment: string, tensors: ReadonlyMap<string, NamedTensor>): NamedTensor[] {
  return Array.from(tensors.values(), (tensor) => ({ ...tensor, name: `${moment}/${tensor.name}` }));
}

function unprefixed(moment: string, tensors: ReadonlyMap<string, NamedTensor>): Map<string, NamedTensor> {
  const own = [...tensors.values()].filter(({ name }) => name.startsWith(`${moment}/`));
  return new Map(own.map((tensor) => [tensor.name.slice(2), { ...tensor, name: tensor.name.slice(2) }]));
}
