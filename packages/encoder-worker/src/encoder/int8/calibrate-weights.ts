import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { decodeEncoderFile } from '../encoder-file';
import type { ResolvedWeights } from '../weights/resolve';
import { CALIBRATION_PHOTOS, calibrate } from './calibrate';
import { encodeInt8Weights } from './int8-weights';

export interface CalibrateWeightsOptions {
  /** Photos to take, of as many as there are. */
  readonly count?: number | undefined;
  readonly onPhoto?: (done: number, count: number) => void;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * Float32 weights of an InceptionV3 → the int8 encoder that fits photos; its sha256 is another identity.
 * @param photos prepared pixels; no more are read than are wanted.
 * @throws ShowtellError `EMPTY_DATASET` without photos, `WEIGHTS_INVALID` for an encoder that cannot be quantised.
 */
export async function calibrateWeights(
  weights: Pick<ResolvedWeights, 'bytes' | 'sha256' | 'description' | 'precisions'>,
  photos: AsyncIterable<Buffer>,
  { count = CALIBRATION_PHOTOS, onPhoto, ...options }: CalibrateWeightsOptions = {},
): Promise<{ readonly bytes: Buffer; readonly sha256: string }> {
  const file = decodeEncoderFile(weights.bytes, weights.description);
  if (file.kind !== 'inception-v3')
    throw new ShowtellError(
      'WEIGHTS_INVALID',
      `Expected float32 weights of an InceptionV3 to calibrate but received ${weights.description}`,
    );
  const bytes = encodeInt8Weights(await calibrate(file.weights, take(photos, count, onPhoto), { source: weights.sha256, ...options }));
  return { bytes, sha256: sha256(bytes) };
}

async function* take(photos: AsyncIterable<Buffer>, count: number, onPhoto: CalibrateWeightsOptions['onPhoto']): AsyncGenerator<Buffer> {
  let taken = 0;
  for await (const photo of photos) {
    yield photo;
    taken++;
    onPhoto?.(taken, count);
    if (taken === count) return;
  }
}
