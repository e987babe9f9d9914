import { join } from 'node:path';
import { openPhotoEncoder, openRunEncoder, type PhotoEncoder, type PhotoEncoderOptions } from '@showtell/captioner/photo-encoder';
import { CALIBRATION_PHOTOS } from '@showtell/encoder-worker/encoder/int8/calibrate';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { WORK_FOLDER } from '@showtell/shared/config';
import { EXIT } from '@showtell/shared/errors';
import { writeNewFile } from '@showtell/shared/new-file';
import type { FeatureRow } from '@showtell/shared/schema/shard';
import type { CommandContext } from './context';
import { type CalibrationRequest, checkCalibrationRequest } from './enqueue/calibration';
import { withDownloadProgress } from './output/download-progress';
import { plural } from './output/format';
import { formatEngine } from './output/format-engine';
import { print, tell } from './output/print';
import { startProgress } from './output/progress';
import { reportRejected } from './report-rejected';

export interface FeaturesRequest
  extends CalibrationRequest,
    Pick<PhotoEncoderOptions, 'weights' | 'precision' | 'engine' | 'device' | 'threads'> {
  readonly photos: readonly string[];
  /** Standard output when absent. */
  readonly out?: string | undefined;
  /** The run whose encoder is taken, in place of `weights`, `precision` and calibration. */
  readonly run?: string | undefined;
}

/** Writes a feature for each photo. Photos that cannot be encoded are told on standard error and make the exit code 3. */
export async function writeFeatures(context: CommandContext, { photos, out, ...request }: FeaturesRequest): Promise<void> {
  let [count, dimension] = [0, 0];
  async function* rows(): AsyncGenerator<FeatureRow> {
    const encoder = await openEncoder(context, request);
    context.shutdown.defer('encoder', () => encoder.close());
    ({ dimension } = encoder.identity);
    tell(`Encoding by ${formatEngine(encoder.description)}\n`);
    for await (const { index, feature, error } of encoder.encode(photos)) {
      const path = photos[index]!;
      if (error) {
        process.exitCode = EXIT.INPUT;
        reportRejected(path, error);
      } else {
        count += 1;
        yield { imageId: path, fileName: path, feature };
      }
    }
  }
  if (out === undefined) {
    for await (const row of rows()) print(jsonLine(row));
    return;
  }
  // Opened before the encoder: an hour of encoding must not end in a file that cannot be written.
  await writeNewFile(out, 'the features', out.endsWith('.arrow') ? arrowFile(rows(), () => dimension) : lines(rows()), context.signal);
  tell(`${plural(count, 'feature')} of ${dimension} numbers in ${out}\n`);
}

async function* lines(rows: AsyncIterable<FeatureRow>): AsyncGenerator<Buffer> {
  for await (const row of rows) yield Buffer.from(jsonLine(row));
}

/** One batch, so that memory holds all of them. @param dimension known once the rows are. */
async function* arrowFile(rows: AsyncIterable<FeatureRow>, dimension: () => number): AsyncGenerator<Buffer> {
  const all: FeatureRow[] = [];
  for await (const row of rows) all.push(row);
  yield encodeFeatureRows(all, dimension());
}

async function openEncoder(context: CommandContext, request: Omit<FeaturesRequest, 'photos' | 'out'>): Promise<PhotoEncoder> {
  const { store, settings, signal } = context;
  const { run, weights, precision = 'float32', calibration: folder, calibrationPhotos: count, ...rest } = request;
  const compute = { ...rest, tensorflow: settings.tensorflow, signal };
  if (run !== undefined) return openRunEncoder({ ...compute, store, run, cacheFolder: join(process.cwd(), WORK_FOLDER, 'weights') });
  checkCalibrationRequest(request, precision);
  return withDownloadProgress('Fetching the weights', async (onProgress) => {
    const resolve = { store, imagenet: { url: settings.imagenetUrl }, onProgress };
    if (folder === undefined) return openPhotoEncoder({ ...compute, weights, resolve, precision });
    const bar = startProgress('Calibrating the encoder', count ?? CALIBRATION_PHOTOS, { passing: true });
    try {
      return await openPhotoEncoder({
        ...compute,
        weights,
        resolve,
        precision,
        calibration: { folder, count, onPhoto: (done) => bar.update(done) },
      });
    } finally {
      bar.end();
    }
  });
}

const jsonLine = ({ fileName, feature }: FeatureRow) => `${JSON.stringify({ photo: fileName, feature: [...feature] })}\n`;
