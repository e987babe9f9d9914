import { constants } from 'node:fs';
import { access, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openPhotoEncoder, openRunEncoder, type PhotoEncoder, type PhotoEncoderOptions } from '@showtell/captioner/photo-encoder';
import { CALIBRATION_PHOTOS } from '@showtell/encoder-worker/encoder/int8/calibrate';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { WORK_FOLDER } from '@showtell/shared/config';
import { EXIT, ShowtellError } from '@showtell/shared/errors';
import type { FeatureRow } from '@showtell/shared/schema/shard';
import type { CommandContext } from './context';
import { type CalibrationRequest, checkCalibrationRequest } from './enqueue/calibration';
import { withDownloadProgress } from './output/download-progress';
import { plural } from './output/format';
import { formatEngine } from './output/format-engine';
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
  // Before an hour of encoding, not after it.
  if (out !== undefined) await access(dirname(out), constants.W_OK).catch((cause: Error) => refuse(out, cause));
  const encoder = await openEncoder(context, request);
  context.shutdown.defer('encoder', () => encoder.close());
  process.stderr.write(`Encoding by ${formatEngine(encoder.description)}\n`);
  const rows: FeatureRow[] = [];
  for await (const { index, feature, error } of encoder.encode(photos)) {
    const path = photos[index]!;
    if (error) {
      process.exitCode = EXIT.INPUT;
      reportRejected(path, error);
      continue;
    }
    const row: FeatureRow = { imageId: path, fileName: path, feature };
    if (out === undefined) process.stdout.write(jsonLine(row));
    else rows.push(row);
  }
  if (out === undefined) return;
  const body = out.endsWith('.arrow') ? encodeFeatureRows(rows, encoder.identity.dimension) : rows.map(jsonLine).join('');
  await writeWhole(out, body);
  process.stderr.write(`${plural(rows.length, 'feature')} of ${encoder.identity.dimension} numbers in ${out}\n`);
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

/** The file appears whole or not at all. */
async function writeWhole(path: string, body: string | Buffer): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, body);
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    refuse(path, cause as Error);
  }
}

function refuse(path: string, cause: Error): never {
  throw new ShowtellError('USAGE', `${path} cannot be written: ${cause.message}`, { cause });
}
