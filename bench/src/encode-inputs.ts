import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { INPUT, LAYERS, OUTPUT } from '@showtell/encoder-worker/encoder/inception-v3';
import { CALIBRATION_PHOTOS, calibrate } from '@showtell/encoder-worker/encoder/int8/calibrate';
import { encodeInt8Weights } from '@showtell/encoder-worker/encoder/int8/int8-weights';
import { resolveWeights } from '@showtell/encoder-worker/encoder/weights/resolve';
import { decodeWeights, INPUT_SCALING } from '@showtell/encoder-worker/encoder/weights/tensors';
import { ShowtellError } from '@showtell/shared/errors';
import { preparePhotos } from './bench-photos';

/** Photos that are timed, round and round. */
const TIMED_PHOTOS = 64;

/** What every contestant is given, as files. */
export interface EncodeInputs {
  readonly weights: string;
  /** Our own int8 encoder, where it takes part. */
  readonly int8: string | undefined;
  readonly topology: string;
  readonly pixels: string;
  readonly calibration: string;
  readonly description: string;
}

/** Writes the inputs into `folder`. Photos that are quantised on are not those that are timed and compared. */
export async function writeEncodeInputs(
  folder: string,
  spec: { readonly source: string; readonly weights: string; readonly int8: boolean; readonly threads: number },
): Promise<EncodeInputs> {
  const { bytes, sha256, description } = await resolveWeights(spec.weights);
  const weights = decodeWeights(bytes, spec.weights);
  const { pixels } = await preparePhotos(spec.source);
  if (pixels.length < CALIBRATION_PHOTOS + TIMED_PHOTOS)
    throw new ShowtellError(
      'EMPTY_DATASET',
      `Expected at least ${CALIBRATION_PHOTOS + TIMED_PHOTOS} photos in ${spec.source} but received ${pixels.length}`,
    );
  const calibration = pixels.slice(0, CALIBRATION_PHOTOS);
  const file = (name: string, content: Uint8Array | string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return {
    weights: file('weights.safetensors', bytes),
    int8: spec.int8
      ? file('int8.safetensors', encodeInt8Weights(await calibrate(weights, each(calibration), { source: sha256, threads: spec.threads })))
      : undefined,
    topology: file('topology.json', JSON.stringify({ input: INPUT, layers: LAYERS, output: OUTPUT, ...INPUT_SCALING[weights.input] })),
    pixels: file('pixels.bin', Buffer.concat(pixels.slice(-TIMED_PHOTOS))),
    calibration: file('calibration.bin', Buffer.concat(calibration)),
    description,
  };
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
