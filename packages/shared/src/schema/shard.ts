import { z } from 'zod';
import { REJECTION_CODES } from '../errors';
import { EncoderIdentity } from './encoder-identity';
import { Count, PartRecord, Sha256 } from './record';

export const SHARD_FORMAT = 1;

export const Rejection = z.object({ imageId: z.string(), code: z.enum(REJECTION_CODES), reason: z.string() });
export type Rejection = z.infer<typeof Rejection>;

/** A picture of several frames, of which the first was encoded. */
export const Animated = z.object({ imageId: z.string(), frames: z.int().min(2) });
export type Animated = z.infer<typeof Animated>;

/** How a shard came to be. Nothing of it influences the shard's bytes. */
export const Execution = z.object({
  worker: z.string(),
  engine: z.string(),
  /** What computed, as the engine's library calls it. */
  provider: z.string(),
  device: z.string(),
  /** What the device calls itself. */
  deviceName: z.string(),
  threads: z.int(),
  versions: z.record(z.string(), z.string()),
  /** Wall seconds from the job's start to its commit. */
  seconds: z.number(),
  /** Seconds in the encoder alone. */
  encodeSeconds: z.number(),
  /** Planned bytes of its photos; pictures that are drawn have none. */
  sourceBytes: Count.optional(),
  at: z.string(),
});
export type Execution = z.infer<typeof Execution>;

/** `runs/<run>/commits/<n>.json`: a shard exists by this record alone. `rows + rejected.length` is what the plan holds. */
export const CommitRecord = PartRecord.extend({
  formatVersion: z.literal(SHARD_FORMAT),
  run: z.string(),
  shard: Count,
  split: z.string(),
  rows: Count,
  rejected: z.array(Rejection),
  /** In plan order; absent where there is none. */
  animated: z.array(Animated).optional(),
  encoder: EncoderIdentity,
  planSha256: Sha256,
  execution: Execution,
});
export type CommitRecord = z.infer<typeof CommitRecord>;

/** One row of a shard, in plan order. `feature` has the encoder's dimension. */
export interface FeatureRow {
  readonly imageId: string;
  readonly fileName: string;
  readonly feature: Float32Array;
}
