import type { PlanRow } from '@showtell/shared/schema/plan';
import type { SourceAddress } from '@showtell/shared/schema/run';
import { openSource } from '@showtell/shared/source/open';
import { prepareRows } from '@showtell/shared/source/prepare-rows';
import { spread } from '@showtell/shared/spread';
import type { Dataset } from '../source/dataset';

/** The split that a captioner is trained on, on whose photos the encoder should be at its best. */
const PREFERRED = 'train';
const DOWNLOADS = 8;

/** Samples to calibrate an encoder on, the best spread first: of the split `train`, or of all where there is none. Pure. */
export function calibrationRows({ splits }: Pick<Dataset, 'splits'>): PlanRow[] {
  const samples = splits.find(({ split }) => split === PREFERRED)?.samples ?? splits.flatMap((split) => split.samples);
  return Array.from(spread(samples.length), (index) => samples[index]!);
}

export interface CalibrationPhotosOptions {
  /** Of the pixels. */
  readonly side: number;
  readonly signal?: AbortSignal | undefined;
}

/** Prepared pixels of planned photos, until nobody wants more. Those that cannot be used are passed over: the next ones stand for them. */
export async function* calibrationPhotos(
  address: SourceAddress,
  rows: readonly PlanRow[],
  { side, signal }: CalibrationPhotosOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const source = openSource(address);
  try {
    for await (const { pixels } of prepareRows(source, rows, { concurrency: DOWNLOADS, side, ...(signal && { signal }) }))
      if (pixels !== undefined) yield pixels;
  } finally {
    await source.close();
  }
}
