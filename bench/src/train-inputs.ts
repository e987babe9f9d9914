import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSafetensors } from '@showtell/shared/safetensors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { wordsOf } from '@showtell/trainer/dataset/words';
import { architectureOf, initialParameters } from '@showtell/trainer/model/parameters';
import { Random } from '@showtell/trainer/model/random';
import { END, START, UNKNOWN } from '@showtell/trainer/model/tokens';
import { cut, shortestFirst } from './train-batches';

/** What a trainer under test is given. */
export interface OpenTrainerRequest {
  /** float32 safetensors by Keras' names, to begin with. */
  readonly weights: string;
  /** JSON: token ids `START w1 … wn END` of each caption, and the row of its image among the features. */
  readonly captions: string;
  /** Raw float32 [images, dimension]. */
  readonly features: string;
  readonly dimension: number;
  readonly vocabularySize: number;
  readonly hyperparameters: Hyperparameters;
  /** How an engine computes, where it has more than one way. */
  readonly variant: string;
  readonly threads: number;
  /** A folder for what may be kept from run to run. */
  readonly cache: string;
}

/** The captions as they lie in the file that everyone reads. */
export interface CaptionsFile {
  readonly captions: readonly (readonly number[])[];
  readonly images: readonly number[];
}

export type Order = 'random' | 'bucketed';

export interface TrainInputs {
  readonly request: Omit<OpenTrainerRequest, 'variant' | 'threads' | 'cache'>;
  /** Batches of one epoch, each a list of caption numbers; in a bucketed one all captions are about as long. */
  readonly batches: Readonly<Record<Order, readonly (readonly number[])[]>>;
  /** Scored tokens of each caption: its words, and END. */
  readonly tokens: readonly number[];
  readonly description: string;
}

const DIMENSION = 2_048;

/**
 * Writes weights, captions and features into `folder`. Every word has its id and no caption is left out; features are random
 * numbers, because speed does not depend on them.
 * @param annotations a COCO captions file
 */
export function writeTrainInputs(folder: string, annotations: string, preset: Hyperparameters, seed: number): TrainInputs {
  const { annotations: records } = JSON.parse(readFileSync(annotations, 'utf8')) as {
    annotations: { image_id: number | string; caption: string }[];
  };
  const found = records
    .map(({ image_id, caption }) => ({ image: image_id, words: wordsOf(caption) }))
    .filter(({ words }) => words.length > 0);
  const ids = new Map<string, number>();
  for (const word of found.flatMap(({ words }) => words)) if (!ids.has(word)) ids.set(word, UNKNOWN + 1 + ids.size);
  const rows = new Map([...new Set(found.map(({ image }) => image))].map((image, row) => [image, row]));
  const captions = found.map(({ words }) => [START, ...words.map((word) => ids.get(word)!), END]);
  const vocabularySize = UNKNOWN + 1 + ids.size;
  const tokens = captions.map(({ length }) => length - 1);

  const hyperparameters = { ...preset, maxLength: tokens.reduce((most, count) => Math.max(most, count), 0) - 1 };
  const random = new Random(seed);
  const order = random.shuffle(captions.map((_, caption) => caption));
  const features = Float32Array.from({ length: rows.size * DIMENSION }, () => random.uniform());
  const weights = initialParameters(architectureOf(hyperparameters, DIMENSION, vocabularySize), seed);

  const file = (name: string, content: Uint8Array | string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const content: CaptionsFile = { captions, images: found.map(({ image }) => rows.get(image)!) };
  return {
    request: {
      weights: file('weights.safetensors', encodeSafetensors([...weights.values()])),
      captions: file('captions.json', JSON.stringify(content)),
      features: file('features.bin', Buffer.from(features.buffer)),
      dimension: DIMENSION,
      vocabularySize,
      hyperparameters,
    },
    batches: {
      random: cut(order, hyperparameters.batchSize),
      bucketed: random.shuffle(cut(shortestFirst(order, tokens, hyperparameters.batchSize), hyperparameters.batchSize)),
    },
    tokens,
    description: `${captions.length.toLocaleString('en')} captions of ${sum(tokens).toLocaleString('en')} tokens, ${vocabularySize.toLocaleString('en')} words, batches of ${hyperparameters.batchSize}`,
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
