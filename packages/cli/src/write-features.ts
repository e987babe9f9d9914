import { rename, rm, writeFile } from 'node:fs/promises';
import { openPhotoEncoder, type PhotoEncoderOptions } from '@showtell/captioner/photo-encoder';
import { encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { EXIT, ShowtellError } from '@showtell/shared/errors';
import type { FeatureRow } from '@showtell/shared/schema/shard';
import type { Shutdown } from '@showtell/shared/shutdown';
import { withDownloadProgress } from './output/download-progress';
import { plural } from './output/format';
import { reportRejected } from './report-rejected';

export interface WriteFeaturesOptions extends Pick<PhotoEncoderOptions, 'weights' | 'engine' | 'device' | 'threads' | 'tensorflow'> {
  readonly photos: readonly string[];
  /** Standard output when absent. */
  readonly out?: string | undefined;
  /** A mirror of the ImageNet weights. */
  readonly imagenetUrl?: string | undefined;
  readonly shutdown: Shutdown;
}

/** Writes a feature for each photo. Photos that cannot be encoded are told on standard error and make the exit code 3. */
export async function writeFeatures({ photos, out, imagenetUrl, shutdown, ...options }: WriteFeaturesOptions): Promise<void> {
  const { signal } = shutdown;
  const encoder = await withDownloadProgress('Fetching the weights', (onProgress) =>
    openPhotoEncoder({ ...options, resolve: { imagenet: { url: imagenetUrl }, onProgress }, signal }),
  );
  shutdown.defer('encoder', () => encoder.close());
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

const jsonLine = ({ fileName, feature }: FeatureRow) => `${JSON.stringify({ photo: fileName, feature: [...feature] })}\n`;

/** The file appears whole or not at all. */
async function writeWhole(path: string, body: string | Buffer): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, body);
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    throw new ShowtellError('USAGE', `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
