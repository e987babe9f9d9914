import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EncodedPhoto, encodePhotos } from '@showtell/encoder-worker/encode-photos';
import { defaultThreads, type EngineDescription, type EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import { type ResolveOptions, resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { startEngineProcess } from '@showtell/encoder-worker/engine-process';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';

export interface PhotoEncoder {
  readonly identity: EncoderIdentity;
  /** What computes, and on which device. */
  readonly description: EngineDescription;
  /** Features [dimension] in the photos' order. A photo is the path of a JPEG, PNG or WebP file, or its bytes. */
  encode(photos: readonly (string | Buffer)[]): AsyncIterable<EncodedPhoto>;
  close(): Promise<void>;
}

export interface PhotoEncoderOptions {
  /** As `resolveWeights` reads it. */
  readonly weights: string;
  /** Where weights that are not on this machine come from. */
  readonly resolve?: Omit<ResolveOptions, 'signal'> | undefined;
  /** Default: `onnx`. */
  readonly engine?: EngineName | undefined;
  /** `auto`, `cpu` or `cuda`. Default `auto`. */
  readonly device?: string | undefined;
  /** Default: one for every core. */
  readonly threads?: number | undefined;
  /** Where `showtell engine install` keeps TensorFlow, where not in its default place. */
  readonly tensorflow?: string | undefined;
  readonly signal?: AbortSignal;
}

/** Starts an encoder for photos in a process of its own, until `close()`. @throws ShowtellError `WEIGHTS_INVALID`, `DEVICE_UNAVAILABLE`. */
export async function openPhotoEncoder(options: PhotoEncoderOptions): Promise<PhotoEncoder> {
  const { weights: spec, engine: engineName = 'onnx', device = 'auto', threads, tensorflow, signal } = options;
  const { bytes, sha256, encoder, preprocessing, dimension } = await resolveWeights(spec, { ...options.resolve, signal });
  const folder = await mkdtemp(join(tmpdir(), 'showtell-weights-'));
  try {
    const weights = join(folder, 'encoder');
    await writeFile(weights, bytes);
    const engine = await startEngineProcess({
      weights,
      precision: 'float32',
      engine: engineName,
      device,
      threads: threads ?? defaultThreads(),
      tensorflow,
      ...(signal && { signal }),
    });
    return {
      identity: { encoder, weightsSha256: sha256, preprocessing, precision: 'float32', dimension },
      description: engine.description,
      encode: (photos) => encodePhotos(engine, photos, { ...(signal && { signal }) }),
      close: () => engine.close(),
    };
  } finally {
    // The engine has read them by now.
    await rm(folder, { recursive: true, force: true });
  }
}
