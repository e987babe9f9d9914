import { encodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { PREPROCESSING } from '@showtell/shared/schema/encoder-identity';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { encodeRecord } from '@showtell/shared/schema/record';

export const DIMENSION = 2_048;

/** An image as readers must find it. */
export interface ReadableImage {
  readonly imageId: string;
  readonly split: string;
  readonly captions: readonly string[];
  readonly feature: Float32Array;
}

const SPLITS = { train: [0, 1, 2], val: [3] } as const;
const SHARD_ROWS = 20;

/** Some have no caption; texts are of several scripts. */
function imageOf(number: number, split: string): ReadableImage {
  const captions = ['a dog', 'ein Löwe läuft', '犬が走る 🐕', 'a "quoted", word'].slice(0, number % 5).map((text) => `${text} ${number}`);
  const feature = Float32Array.from({ length: DIMENSION }, (_, index) => ((number * 31 + index * 17) % 251) / 250);
  return { imageId: String(number), split, captions, feature };
}

/**
 * Writes a complete run of four shards, of which one holds images that are not the run's, as with a base.
 * Returns the images that are, in the order in which readers find them.
 */
export async function writeReadableRun(store: ObjectStore, run: string): Promise<ReadableImage[]> {
  const put = async (keyOf: (sha: string) => string, body: Buffer) => {
    const sha = sha256(body);
    await store.put(keyOf(sha), body);
    return { key: keyOf(sha), bytes: body.length, sha256: sha };
  };
  const images: ReadableImage[] = [];
  const shards: ManifestRecord['shards'] = [];
  const captions: ManifestRecord['captions'] = [];
  const splits: ManifestRecord['splits'] = [];
  for (const [split, numbers] of Object.entries(SPLITS)) {
    const ofSplit: ReadableImage[] = [];
    for (const shard of numbers) {
      const all = Array.from({ length: SHARD_ROWS }, (_, row) => imageOf(shard * SHARD_ROWS + row, split));
      const dropped = shard === 1 ? [all[0]!.imageId, all[7]!.imageId] : [];
      const rows = all.map(({ imageId, feature }) => ({ imageId, fileName: `${imageId}.jpg`, feature }));
      const part = await put((sha) => keys.shard(run, shard, sha), encodeFeatureRows(rows, DIMENSION));
      shards.push({ ...part, shard, split, rows: all.length - dropped.length, rejected: 0, ...(dropped.length > 0 && { dropped }) });
      ofSplit.push(...all.filter(({ imageId }) => !dropped.includes(imageId)));
    }
    const texts = ofSplit.flatMap(({ imageId, captions: own }) => own.map((caption) => ({ imageId, caption })));
    captions.push({ ...(await put((sha) => keys.captions(run, split, sha), encodeCaptionRows(texts))), split, rows: texts.length });
    splits.push({ split, rows: ofSplit.length, rejected: 0, captions: texts.length });
    images.push(...ofSplit);
  }
  const encoder = {
    encoder: 'inception-v3',
    weightsSha256: sha256('weights'),
    preprocessing: PREPROCESSING,
    precision: 'float32' as const,
    dimension: DIMENSION,
  };
  // An older one, which readers must not take.
  for (const [number, kept] of [shards.slice(0, 1), shards].entries()) {
    const record: ManifestRecord = {
      formatVersion: 1,
      run,
      number: number + 1,
      planSha256: sha256('plan'),
      encoder,
      shards: kept,
      captions,
      splits,
      rejected: {},
    };
    await store.put(keys.manifest(run, record.number), encodeRecord(record));
  }
  return images;
}
