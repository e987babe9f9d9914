import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultThreads, type EncoderEngine, type EngineDescription } from '@showtell/encoder-worker/encoder/engines/engine';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { startEngineProcess } from '@showtell/encoder-worker/engine-process';
import { isShowtellError, type ShowtellError } from '@showtell/shared/errors';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import { prepare } from '@showtell/shared/image/prepare';
import { type EncoderIdentity, PREPROCESSING } from '@showtell/shared/schema/encoder-identity';

/** Photos in one call of the engine: beyond eight it gets no faster, and each needs 30 MB while it computes. */
const BATCH = 8;

/** A photo that cannot be encoded does not keep the others from it. */
export type PhotoFeature = { readonly feature: Float32Array } | { readonly error: ShowtellError };

export interface PhotoEncoder {
  readonly identity: EncoderIdentity;
  /** What computes, and on which device. */
  readonly description: EngineDescription;
  /** Features [dimension] in the photos' order. A photo is a JPEG, PNG or WebP file as it is. */
  encode(photos: readonly Buffer[]): Promise<PhotoFeature[]>;
  close(): Promise<void>;
}

export interface PhotoEncoderOptions {
  /** `bundled`, or the path of a Keras `.h5` file. */
  readonly weights: string;
  /** `auto`, `cpu` or `cuda`. Default `auto`. */
  readonly device?: string | undefined;
  /** Default: one for every core. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal;
}

/** Starts an encoder for photos in a process of its own, until `close()`. @throws ShowtellError `WEIGHTS_INVALID`, `DEVICE_UNAVAILABLE`. */
export async function openPhotoEncoder({ weights: spec, device = 'auto', threads, signal }: PhotoEncoderOptions): Promise<PhotoEncoder> {
  const { safetensors, sha256, dimension } = await resolveWeights(spec);
  const folder = await mkdtemp(join(tmpdir(), 'showtell-weights-'));
  try {
    const weights = join(folder, 'encoder.safetensors');
    await writeFile(weights, safetensors);
    const engine = await startEngineProcess({
      weights,
      precision: 'float32',
      engine: 'onnx',
      device,
      threads: threads ?? defaultThreads(),
      ...(signal && { signal }),
    });
    return {
      identity: { encoder: 'inception-v3', weightsSha256: sha256, preprocessing: PREPROCESSING, precision: 'float32', dimension },
      description: engine.description,
      encode: (photos) => encodePhotos(engine, photos),
      close: () => engine.close(),
    };
  } finally {
    // The engine has read them by now.
    await rm(folder, { recursive: true, force: true });
  }
}

/** Photos to features. One micro-batch is prepared while the engine computes the one before. */
export async function encodePhotos(engine: EncoderEngine, photos: readonly Buffer[]): Promise<PhotoFeature[]> {
  const results: PhotoFeature[] = [];
  let next = prepareBatch(photos, 0);
  for (let start = 0; start < photos.length; start += BATCH) {
    const prepared = await next;
    next = prepareBatch(photos, start + BATCH);
    // If the engine fails, nobody awaits the batch that was begun.
    next.catch(() => {});
    results.push(...(await encodePrepared(engine, prepared)));
  }
  return results;
}

function prepareBatch(photos: readonly Buffer[], start: number): Promise<(Buffer | ShowtellError)[]> {
  return Promise.all(photos.slice(start, start + BATCH).map(pixelsOrReason));
}

async function pixelsOrReason(photo: Buffer): Promise<Buffer | ShowtellError> {
  try {
    return (await prepare(photo)).pixels;
  } catch (error) {
    if (isShowtellError(error)) return error;
    throw error;
  }
}

/** @param prepared pixels [299 × 299 × 3] of one photo each, or why there are none. */
async function encodePrepared(engine: EncoderEngine, prepared: readonly (Buffer | ShowtellError)[]): Promise<PhotoFeature[]> {
  const accepted = prepared.filter((pixels) => Buffer.isBuffer(pixels));
  const features =
    accepted.length === 0
      ? new Float32Array()
      : await engine.encode(Buffer.concat(accepted, accepted.length * PIXEL_BYTES), accepted.length);
  let row = 0;
  return prepared.map((pixels) => {
    if (!Buffer.isBuffer(pixels)) return { error: pixels };
    row += 1;
    return { feature: features.slice((row - 1) * engine.dimension, row * engine.dimension) };
  });
}
