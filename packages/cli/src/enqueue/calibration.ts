import { calibrateWeights } from '@showtell/encoder-worker/encoder/int8/calibrate-weights';
import { putWeights } from '@showtell/encoder-worker/encoder/weights/keep';
import type { ResolvedWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { openPhotoFolder } from '@showtell/encoder-worker/photo-folder';
import type { Calibrate } from '@showtell/ingest/admin/enqueue';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type Precision, sideOf } from '@showtell/shared/schema/encoder-identity';

export interface CalibrationRequest {
  /** Folder of photos. Default: the run's own. */
  readonly calibration?: string | undefined;
  readonly calibrationPhotos?: number | undefined;
}

/**
 * @param base the run whose encoder is taken, if any.
 * @throws ShowtellError `USAGE` when calibration is asked for where nothing is calibrated.
 */
export function checkCalibrationRequest({ calibration, calibrationPhotos }: CalibrationRequest, precision: Precision, base?: string): void {
  if (calibration === undefined && calibrationPhotos === undefined) return;
  const flag = calibration === undefined ? '--calibration-photos' : '--calibration';
  if (base !== undefined)
    throw new ShowtellError('USAGE', `Expected no ${flag} with --base ${base}: the base's own encoder is taken, as it was calibrated`);
  if (precision === 'int8') return;
  throw new ShowtellError('USAGE', `Expected --precision int8 with ${flag} but received ${precision}: nothing else is calibrated`);
}

export interface CalibrationOptions extends CalibrationRequest {
  readonly store: ObjectStore;
  readonly onPhoto: (done: number, count: number) => void;
  readonly signal: AbortSignal;
}

/** What makes a run's int8 encoder. @throws ShowtellError `NOT_FOUND` for a folder that is not there, before anything is done. */
export async function openCalibration(weights: ResolvedWeights, options: CalibrationOptions): Promise<Calibrate> {
  const { calibration: path, calibrationPhotos: count, store, onPhoto, signal } = options;
  const folder = path === undefined ? undefined : await openPhotoFolder(path);
  return async (planned) => {
    const photos = folder?.photos({ side: sideOf(weights.preprocessing), signal }) ?? planned;
    const encoder = await calibrateWeights(weights, photos, { count, onPhoto, signal });
    await putWeights(store, encoder, { signal });
    return encoder.sha256;
  };
}
