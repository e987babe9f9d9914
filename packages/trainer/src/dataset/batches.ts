import { createHash } from 'node:crypto';
import type { Batch } from '../engine/engine';
import { Random } from '../model/random';
import type { CaptionSamples } from './samples';

/**
 * The order in which an epoch sees its samples. It depends on nothing but its arguments, so a training
 * that resumes needs to know only how many batches of which epoch it has done.
 */
export function epochOrder(seed: number, epoch: number, samples: number): Uint32Array {
  const digest = createHash('sha256').update(`order ${seed} ${epoch}`).digest();
  const random = new Random([digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)]);
  return random.shuffle(Uint32Array.from({ length: samples }, (_, index) => index));
}

/** Batches of an epoch; the last one may be smaller. */
export function batchCount(samples: number, batchSize: number): number {
  return Math.ceil(samples / batchSize);
}

/** The batch of that number, in the order given. */
export function batchAt(samples: CaptionSamples, order: Uint32Array, batchSize: number, number: number): Batch {
  const chosen = order.subarray(number * batchSize, (number + 1) * batchSize);
  const { dimension } = samples;
  const features = new Float32Array(chosen.length * dimension);
  for (const [position, sample] of chosen.entries()) {
    const row = samples.rows[sample]!;
    features.set(samples.features.subarray(row * dimension, (row + 1) * dimension), position * dimension);
  }
  return { features, captions: Array.from(chosen, (sample) => samples.captions[sample]!) };
}
