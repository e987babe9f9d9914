import { Ahead } from '@showtell/shared/ahead';
import type { Batch } from '../engine/engine';
import type { EpochOrder } from './epoch-order';
import type { FeatureTable } from './feature-table';
import { type CaptionSamples, captionOf } from './samples';

/** A batch and the numbers of the samples that it is made of. */
export interface SampledBatch extends Batch {
  readonly samples: Uint32Array;
}

/** Batches of an epoch; the last one may be smaller. */
export function batchCount(samples: number, batchSize: number): number {
  return Math.ceil(samples / batchSize);
}

/**
 * The batches of an order from number `first` on, the next one being made while one is used, and the shards of the next window read while one
 * window is. Errors as of `FeatureTable.gather`.
 */
export async function* batchesOf(
  features: FeatureTable,
  samples: CaptionSamples,
  { samples: order, windows }: EpochOrder,
  batchSize: number,
  first = 0,
): AsyncGenerator<SampledBatch> {
  const count = batchCount(order.length, batchSize);
  let windowEnd = 0;
  const ahead = new Ahead(count - first, async (index) => {
    const begin = (first + index) * batchSize;
    if (begin >= windowEnd) {
      const window = windows.findIndex(({ end }) => end > begin);
      windowEnd = windows[window]?.end ?? order.length;
      const next = windows[window + 1];
      if (next) features.readAhead(next.shards, windows[window]?.shards ?? []);
    }
    const chosen = order.subarray(begin, begin + batchSize);
    return {
      samples: chosen,
      features: await features.gather(Array.from(chosen, (sample) => samples.rows[sample]!)),
      captions: Array.from(chosen, (sample) => captionOf(samples, sample)),
    };
  });
  try {
    for (let batch = first; batch < count; batch++) yield* await ahead.take(1);
  } finally {
    await ahead.settled();
  }
}
