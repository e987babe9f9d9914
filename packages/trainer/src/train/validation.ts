import { setImmediate as breathe } from 'node:timers/promises';
import { batchAt, batchCount } from '../dataset/batches';
import type { CaptionSamples } from '../dataset/samples';
import type { TrainingEngine } from '../engine/engine';

/**
 * Mean loss per real token over all samples of a split, in their own order. `halt` is asked before every batch and may throw;
 * when it says true, the answer is `undefined`.
 */
export async function validationLossOf(
  engine: TrainingEngine,
  samples: CaptionSamples,
  batchSize: number,
  halt: () => boolean,
): Promise<number | undefined> {
  const order = Uint32Array.from(samples.captions.keys());
  const total = { lossSum: 0, tokens: 0 };
  for (let batch = 0; batch < batchCount(order.length, batchSize); batch++) {
    if (halt()) return undefined;
    const { lossSum, tokens } = await engine.evaluate(batchAt(samples, order, batchSize, batch));
    total.lossSum += lossSum;
    total.tokens += tokens;
    await breathe();
  }
  return total.lossSum / total.tokens;
}
