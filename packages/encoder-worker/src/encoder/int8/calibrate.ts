import { setImmediate } from 'node:timers/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { PIXEL_BYTES, SIDE } from '@showtell/shared/image/limits';
import { openSession, type Session, Tensor } from '@showtell/shared/onnx/session';
import { defaultThreads } from '../engines/engine';
import type { EncoderWeights } from '../weights/tensors';
import type { Int8Weights } from './int8-weights';
import { quantise } from './quantise';
import { type Statistics, StatisticsCollector, statisticsGraph } from './statistics';

/** Photos worth giving to `calibrate()`: half as many make the features' error a tenth greater, twice as many a tenth less. */
export const CALIBRATION_PHOTOS = 128;
/** Photos in one run of the graph. */
const BATCH = 8;

export interface CalibrateOptions {
  /** sha256 of the float32 file that `weights` came from. */
  readonly source: string;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * Makes the int8 encoder: watches the float32 one at work on `photos`, then quantises it. The same photos give the same weights, in
 * whatever order they come. Computing blocks the event loop of this process for a few hundred milliseconds at a time.
 * @param photos prepared pixels, uint8 RGB [299 × 299 × 3]; as they are taken in batches, all of them are read.
 * @throws ShowtellError `EMPTY_DATASET` without photos, `WEIGHTS_INVALID` when the encoder's numbers are not finite on them.
 */
export async function calibrate(weights: EncoderWeights, photos: AsyncIterable<Buffer>, options: CalibrateOptions): Promise<Int8Weights> {
  const { source, threads = defaultThreads(), signal } = options;
  signal?.throwIfAborted();
  const session = await openSession(statisticsGraph(weights), { threads, spinning: false, memoryPattern: false });
  try {
    return quantise(weights, await collect(session, photos, signal), source);
  } finally {
    await session.release();
  }
}

async function collect(session: Session, photos: AsyncIterable<Buffer>, signal: AbortSignal | undefined): Promise<Statistics> {
  const collector = new StatisticsCollector();
  const add = async (batch: readonly Buffer[]) => {
    const pixels = new Tensor('uint8', Buffer.concat(batch), [batch.length, SIDE, SIDE, 3]);
    const outputs = Object.entries(await session.run({ pixels })).map(([name, { data }]) => [name, data as Float32Array] as const);
    try {
      collector.add(Object.fromEntries(outputs), batch.length);
    } catch (cause) {
      throw new ShowtellError('WEIGHTS_INVALID', `The encoder cannot be calibrated: ${(cause as Error).message}`, { cause });
    }
    // Lets timers (a lock to renew, Ctrl-C) have their turn.
    await setImmediate();
    signal?.throwIfAborted();
  };
  let batch: Buffer[] = [];
  for await (const photo of photos) {
    if (photo.length !== PIXEL_BYTES)
      throw new RangeError(`Expected ${PIXEL_BYTES} bytes for a photo of ${SIDE}×${SIDE}×3 but received ${photo.length}`);
    batch.push(photo);
    if (batch.length === BATCH) {
      await add(batch);
      batch = [];
    }
  }
  if (batch.length > 0) await add(batch);
  if (collector.photos === 0)
    throw new ShowtellError('EMPTY_DATASET', 'Expected at least one photo to calibrate the int8 encoder but received none');
  return collector.statistics();
}
