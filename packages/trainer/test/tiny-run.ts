import { encodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { type EncoderIdentity, PREPROCESSING } from '@showtell/shared/schema/encoder-identity';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import type { CaptionRow } from '@showtell/shared/schema/plan';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { FeatureRow } from '@showtell/shared/schema/shard';
import { Random } from '../src/model/random';

/** Bytes that stand for the encoder's weights: nothing in the trainer looks into them. */
export const ENCODER_WEIGHTS = Buffer.from('weights of an encoder');
export const DIMENSION = 6;
export const ENCODER: EncoderIdentity = {
  encoder: 'inception-v3',
  weightsSha256: sha256(ENCODER_WEIGHTS),
  preprocessing: PREPROCESSING,
  precision: 'float32',
  dimension: DIMENSION,
};
/** Small enough that an epoch takes milliseconds. */
export const TINY: Partial<Hyperparameters> = {
  units: 8,
  embedding: 5,
  batchSize: 8,
  epochs: 3,
  learningRate: 0.02,
  minWordCount: 1,
  maxLength: 8,
};

const KINDS = ['dog', 'cat', 'boat'];
const PLACES = ['grass', 'water'];

/** What a picture shows follows from its number; its feature says so, with a little noise. */
export function tinyCaption(image: number): string {
  return `a ${KINDS[image % 3]} on the ${PLACES[image % 2]}`;
}

function featureRows(from: number, count: number): FeatureRow[] {
  return Array.from({ length: count }, (_, index) => {
    const image = from + index;
    const random = new Random(image);
    const feature = Float32Array.from({ length: DIMENSION }, () => 0.1 * random.uniform());
    feature[image % 3]! += 1;
    feature[3 + (image % 2)]! += 1;
    return { imageId: String(image), fileName: `${image}.jpg`, feature };
  });
}

/** Shards of a run: split, number of the first image, images. */
type TinyShards = readonly (readonly [split: string, from: number, rows: number])[];

const SHARDS: TinyShards = [
  ['train', 0, 20],
  ['train', 20, 13],
  ['val', 100, 12],
];

export interface TinyRunOptions {
  readonly shards?: TinyShards;
  readonly encoder?: EncoderIdentity;
  /** Captions of an image. */
  readonly captions?: (image: number) => readonly string[];
}

/** Writes a complete run, by default of two training shards and one validation shard, as the finalizer leaves it. */
export async function writeTinyRun(
  store: ObjectStore,
  run = 'tiny',
  number = 1,
  { shards: parts = SHARDS, encoder = ENCODER, captions: captionsOf = bothCaptions }: TinyRunOptions = {},
): Promise<ManifestRecord> {
  const shards: ManifestRecord['shards'] = [];
  for (const [shard, [split, from, rows]] of parts.entries()) {
    const body = encodeFeatureRows(featureRows(from, rows), DIMENSION);
    const key = keys.shard(run, shard, sha256(body));
    await store.put(key, body);
    shards.push({ shard, split, rows, rejected: 0, key, bytes: body.length, sha256: sha256(body) });
  }
  const captions: ManifestRecord['captions'] = [];
  for (const split of new Set(parts.map(([name]) => name))) {
    const rows: CaptionRow[] = [];
    for (const [, from, count] of parts.filter(([name]) => name === split))
      for (let image = from; image < from + count; image++)
        rows.push(...captionsOf(image).map((caption) => ({ imageId: String(image), caption })));
    const body = encodeCaptionRows(rows);
    const key = keys.captions(run, split, sha256(body));
    await store.put(key, body);
    captions.push({ split, rows: rows.length, key, bytes: body.length, sha256: sha256(body) });
  }
  const manifest: ManifestRecord = {
    formatVersion: 1,
    run,
    number,
    planSha256: sha256('plan'),
    encoder,
    shards,
    captions,
    splits: captions.map(({ split, rows }) => ({
      split,
      rows: parts.reduce((sum, [name, , count]) => sum + (name === split ? count : 0), 0),
      rejected: 0,
      captions: rows,
    })),
    rejected: {},
  };
  await store.put(keys.manifest(run, number), encodeRecord(manifest));
  await store.put(keys.weights(encoder.weightsSha256), ENCODER_WEIGHTS);
  return manifest;
}

function bothCaptions(image: number): string[] {
  return [tinyCaption(image), `${tinyCaption(image)} today`];
}
