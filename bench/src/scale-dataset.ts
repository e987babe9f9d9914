import { randomUUID } from 'node:crypto';
import { type EnqueueOptions, type EnqueueReport, enqueue } from '@showtell/ingest/admin/enqueue';
import type { DatasetSource } from '@showtell/ingest/source/dataset';
import { Findings } from '@showtell/ingest/source/findings';
import { readSettings, type SettingFlags, type Settings } from '@showtell/shared/config';
import { sha256 } from '@showtell/shared/hash';
import { renderSvg } from '@showtell/shared/image/render-svg';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { preprocessingOf } from '@showtell/shared/schema/encoder-identity';
import type { PlanRow } from '@showtell/shared/schema/plan';
import pino from 'pino';
import type { BenchRedis, BenchStore } from './scale-servers';

/** What stands for an encoder's weights: the workers fetch them, and nobody computes with them. */
const WEIGHTS = Buffer.from('an encoder that waits');
const PHOTO = 'photo.png';
const PHOTOS = 'photos';

/** Of the runs that the bench makes. */
export interface BenchShape {
  readonly shards: number;
  /** Photos of a shard. */
  readonly rows: number;
  readonly microBatch: number;
  /** Of the pixels. */
  readonly side: number;
  /** Length of a feature. */
  readonly dimension: number;
}

export interface BenchServers {
  readonly redis: BenchRedis;
  /** A server of its own for pixels. */
  readonly pixels?: BenchRedis | undefined;
  readonly objects: BenchStore;
}

/** Settings of a bench's workers, in a corner of Redis and of the store of their own. */
export function benchSettings({ redis, pixels, objects }: BenchServers, more: SettingFlags = {}): Settings {
  const prefix = `bench-${randomUUID().slice(0, 8)}`;
  const flags = { store: `${objects.url}/${prefix}`, s3Endpoint: objects.endpoint, redis: redis.url, pixelRedis: pixels?.url };
  return readSettings({ flags: { ...flags, prefix, logLevel: 'warn', ...more }, env: {} });
}

/** The one photo that every sample of the bench is: a plain square of the side in use, the least there is to decode. */
export async function putPhoto(store: ObjectStore, side: number): Promise<{ readonly etag: string; readonly bytes: number }> {
  const photo = await renderSvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="100%" height="100%" fill="#a52"/></svg>`,
  );
  const { etag } = await store.put(PHOTO, photo);
  return { etag, bytes: photo.length };
}

export const photosUrl = ({ url }: BenchStore) => `${url}/${PHOTOS}`;

/** Samples that are all the same photo, with one caption each. */
function benchDataset(objects: BenchStore, photo: { readonly etag: string; readonly bytes: number }, samples: number): DatasetSource {
  const { endpoint } = objects;
  return {
    address: { kind: 'coco', url: photosUrl(objects), ...(endpoint !== undefined && { endpoint }) },
    async scan() {
      const rows = Array.from({ length: samples }, (_, index): PlanRow => {
        const imageId = String(index + 1);
        const fileName = `${imageId.padStart(12, '0')}.jpg`;
        return { imageId, fileName, sourceKey: PHOTO, ...photo, licence: '', url: `http://images.cocodataset.org/train2017/${fileName}` };
      });
      const captions = rows.map(({ imageId }) => ({ imageId, caption: 'A photo that stands for all the others.' }));
      return { splits: [{ split: 'train', samples: rows, captions }], findings: new Findings().result() };
    },
  };
}

export type BenchEnqueue = Pick<EnqueueOptions, 'store' | 'settings' | 'signal' | 'onProgress' | 'priority'> & {
  readonly objects: BenchStore;
  readonly photo: { readonly etag: string; readonly bytes: number };
  readonly shape: BenchShape;
  readonly run: string;
};

/** Plans and enqueues a run of that shape by the code that `showtell enqueue` calls. */
export function enqueueBench({ objects, photo, shape, ...options }: BenchEnqueue): Promise<EnqueueReport> {
  const sha = sha256(WEIGHTS);
  return enqueue({
    ...options,
    logger: pino({ level: 'warn' }, process.stderr),
    source: benchDataset(objects, photo, shape.shards * shape.rows),
    weights: {
      encoder: 'waits',
      spec: 'waits',
      sha256: sha,
      preprocessing: preprocessingOf(shape.side),
      dimension: shape.dimension,
      put: () => options.store.put(keys.weights(sha), WEIGHTS),
    },
    shardRows: shape.rows,
    microBatch: shape.microBatch,
  });
}
