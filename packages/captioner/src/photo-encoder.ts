import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type EncodedPhoto, encodePhotos } from '@showtell/encoder-worker/encode-photos';
import { defaultThreads, type EngineDescription, type EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import { type CalibrateWeightsOptions, calibrateWeights } from '@showtell/encoder-worker/encoder/int8/calibrate-weights';
import { checkWeightsPrecision } from '@showtell/encoder-worker/encoder/weights/check-precision';
import { fetchWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import { type ResolvedWeights, type ResolveOptions, resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { startEngineProcess } from '@showtell/encoder-worker/engine-process';
import { openPhotoFolder } from '@showtell/encoder-worker/photo-folder';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPlannedRun } from '@showtell/shared/planned-run';
import { type EncoderIdentity, type Precision, sideOf } from '@showtell/shared/schema/encoder-identity';
import { withTemporaryFolder } from '@showtell/shared/temporary-folder';

export interface PhotoEncoder {
  readonly identity: EncoderIdentity;
  /** What computes, and on which device. */
  readonly description: EngineDescription;
  /** Features [dimension] in the photos' order. A photo is the path of a JPEG, PNG or WebP file, or its bytes. */
  encode(photos: readonly (string | Buffer)[]): AsyncIterable<EncodedPhoto>;
  close(): Promise<void>;
}

export interface ComputeOptions {
  /** Default: `onnx`. */
  readonly engine?: EngineName | undefined;
  /** `auto`, `cpu` or `cuda`. Default `auto`. */
  readonly device?: string | undefined;
  /** Default: one for every core. */
  readonly threads?: number | undefined;
  /** Where `showtell engine install` keeps TensorFlow, where not in its default place. */
  readonly tensorflow?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PhotoEncoderOptions extends ComputeOptions {
  /** As `resolveWeights` reads it. */
  readonly weights: string;
  /** Where weights that are not on this machine come from. */
  readonly resolve?: Omit<ResolveOptions, 'signal'> | undefined;
  /** Default: `float32`. */
  readonly precision?: Precision | undefined;
  /** Photos to calibrate the int8 encoder on: features of other photos would be others. */
  readonly calibration?: (Pick<CalibrateWeightsOptions, 'count' | 'onPhoto'> & { readonly folder: string }) | undefined;
}

/**
 * Starts an encoder for photos in a process of its own, until `close()`.
 * @throws ShowtellError `WEIGHTS_INVALID`, `DEVICE_UNAVAILABLE`, `USAGE` for int8 without photos to calibrate it on; the errors of
 * `resolveWeights`, `openPhotoFolder` and `calibrateWeights`.
 */
export async function openPhotoEncoder({
  weights: spec,
  resolve,
  precision = 'float32',
  calibration,
  ...options
}: PhotoEncoderOptions): Promise<PhotoEncoder> {
  const { signal } = options;
  const weights = await resolveWeights(spec, { ...resolve, signal });
  checkWeightsPrecision(weights, precision);
  const { encoder, preprocessing, dimension } = weights;
  const { bytes, sha256 } = precision === 'int8' ? await calibrated(weights, calibration, signal) : weights;
  // The engine has read them by the time that it is started.
  return withTemporaryFolder("the encoder's weights", async (folder) => {
    const path = join(folder, 'encoder');
    await writeFile(path, bytes);
    return start(path, { encoder, weightsSha256: sha256, preprocessing, precision, dimension }, options);
  });
}

export interface RunEncoderOptions extends ComputeOptions {
  readonly store: ObjectStore;
  readonly run: string;
  /** Where weights are kept between runs. */
  readonly cacheFolder: string;
}

/**
 * Starts the encoder of a run, so that features can be compared with those of its shards. Otherwise as `openPhotoEncoder`.
 * @throws ShowtellError `NOT_FOUND` when there is no such run, `MISSING_SHARDS` when it is not planned yet.
 */
export async function openRunEncoder({ store, run, cacheFolder, ...options }: RunEncoderOptions): Promise<PhotoEncoder> {
  const found = { ...(options.signal && { signal: options.signal }) };
  const identity = (await findPlannedRun(store, run, found)).plan.encoder;
  return start(await fetchWeights(store, identity.weightsSha256, cacheFolder, found), identity, options);
}

async function calibrated(
  weights: ResolvedWeights,
  calibration: PhotoEncoderOptions['calibration'],
  signal: AbortSignal | undefined,
): Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  if (calibration === undefined)
    throw new ShowtellError('USAGE', 'Expected photos to calibrate the int8 encoder on but received none', {
      hint: 'Name a folder of photos with --calibration, or the run whose int8 encoder is meant with --run.',
    });
  const { folder, ...rest } = calibration;
  const photos = (await openPhotoFolder(folder)).photos({ side: sideOf(weights.preprocessing), signal });
  return calibrateWeights(weights, photos, { ...rest, ...(signal && { signal }) });
}

async function start(
  weights: string,
  identity: EncoderIdentity,
  { engine: name = 'onnx', device = 'auto', threads = defaultThreads(), tensorflow, signal }: ComputeOptions,
): Promise<PhotoEncoder> {
  const common = { ...(signal && { signal }) };
  const engine = await startEngineProcess({ weights, precision: identity.precision, engine: name, device, threads, tensorflow, ...common });
  return {
    identity,
    description: engine.description,
    encode: (photos) => encodePhotos(engine, photos, common),
    close: () => engine.close(),
  };
}
