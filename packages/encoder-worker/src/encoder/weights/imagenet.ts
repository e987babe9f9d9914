import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRecord } from '@showtell/shared/read-record';
import { IMAGENET_FORMAT, ImagenetRecord } from '@showtell/shared/schema/imagenet';
import { encodeRecord } from '@showtell/shared/schema/record';
import { type DownloadOptions, download } from './download';

/** Keras' published ImageNet weights; address and MD5 as in Keras' own source. */
export const IMAGENET = {
  file: 'inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5',
  url: 'https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5',
  md5: 'bcbd6486424b2319ff4ef7d526e38f63',
} as const;

export interface ImagenetOptions extends Pick<DownloadOptions, 'folder' | 'onProgress' | 'signal' | 'limits'> {
  /** A mirror. Default: Keras' own server. */
  readonly url?: string | undefined;
  /** Default: of the published file. */
  readonly md5?: string | undefined;
}

/**
 * The path of the published file: in the folder, by whoever put it there, or downloaded into it.
 * @throws ShowtellError `DOWNLOAD_FAILED`, which says what to download by other means and where to put it; those of `download`
 */
export async function fetchImagenet({ url = IMAGENET.url, md5 = IMAGENET.md5, ...options }: ImagenetOptions): Promise<string> {
  try {
    return await download(new URL(url), { ...options, name: IMAGENET.file, expected: { algorithm: 'md5', hex: md5 } });
  } catch (error) {
    if (!(error instanceof ShowtellError) || error.code !== 'DOWNLOAD_FAILED') throw error;
    throw new ShowtellError('DOWNLOAD_FAILED', `The ImageNet weights are not on this machine. ${error.message}`, {
      cause: error,
      retryable: error.retryable,
      hint: [
        `Without network: download ${IMAGENET.url} (MD5 ${md5}) elsewhere and put it, under its name, into ${options.folder}`,
        'or set SHOWTELL_IMAGENET_URL to a mirror of it, or say --weights bundled.',
      ].join('; '),
    });
  }
}

/** The sha256 under which a store keeps the canonical form of the published file, if somebody has put it there. */
export async function findImagenet(
  store: ObjectStore,
  { md5 = IMAGENET.md5, signal }: Pick<ImagenetOptions, 'md5' | 'signal'> = {},
): Promise<string | undefined> {
  const record = (await readRecord(store, ImagenetRecord, IMAGENET_FORMAT, keys.imagenet(), signal && { signal }))?.record;
  return record?.sourceMd5 === md5 ? record.sha256 : undefined;
}

/** Writes down which of the store's weights the published file has become. The first one stays: the same file gives the same weights. */
export async function recordImagenet(
  store: ObjectStore,
  sha256: string,
  { md5 = IMAGENET.md5, signal }: Pick<ImagenetOptions, 'md5' | 'signal'> = {},
): Promise<void> {
  const body = encodeRecord({ formatVersion: IMAGENET_FORMAT, sourceMd5: md5, sha256 } satisfies ImagenetRecord);
  await store.putIfAbsent(keys.imagenet(), body, { contentType: 'application/json', ...(signal && { signal }) });
}
