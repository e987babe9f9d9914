export interface MeasureBatchOptions {
  /** Computes so many images together. */
  readonly run: (images: number) => Promise<unknown>;
  /** Tried in this order, smallest first. */
  readonly sizes: readonly number[];
  readonly isOutOfMemory: (error: unknown) => boolean;
  /** Milliseconds. */
  readonly now?: () => number;
}

export interface MeasuredBatch {
  readonly batch: number;
  /** Images a second of every size that fitted. */
  readonly rates: ReadonlyMap<number, number>;
}

const TIMED = 3;
/** A larger batch takes memory and delays: it must be worth that. */
const ENOUGH = 0.95;

/**
 * The smallest batch that is within a twentieth of the fastest. Sizes end where the memory does.
 * @throws what `run` throws; that the memory is full only when the smallest size does not fit.
 */
export async function measureBatch({
  run,
  sizes,
  isOutOfMemory,
  now = () => performance.now(),
}: MeasureBatchOptions): Promise<MeasuredBatch> {
  const rates = new Map<number, number>();
  for (const images of sizes) {
    try {
      // The first time kernels are chosen and memory is taken.
      await run(images);
      const begun = now();
      for (let time = 0; time < TIMED; time++) await run(images);
      rates.set(images, (TIMED * images * 1_000) / (now() - begun));
    } catch (error) {
      if (rates.size === 0 || !isOutOfMemory(error)) throw error;
      break;
    }
  }
  const best = Math.max(...rates.values());
  const [batch] = [...rates].find(([, rate]) => rate >= ENOUGH * best)!;
  return { batch, rates };
}
