import { type PlannedRun, planShard } from '../planned-run';
import type { PixelWindow } from './pixel-window';
import type { Pixels } from './pixels';

/** Makes room for other shards, whatever became of this one. Pixels first: the room may be given away at once. */
export async function clearShard(
  run: PlannedRun,
  shard: number,
  { pixels, window }: { readonly pixels: Pixels; readonly window: PixelWindow },
): Promise<void> {
  await pixels.delete({ run: run.name, shard }, Math.ceil(planShard(run, shard).rows / run.plan.microBatch));
  await window.release(run.plan.encoder.precision, run.name, shard);
}
