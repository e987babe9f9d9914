import { z } from 'zod';
import { EncoderIdentity } from './encoder-identity';
import { Count, PartRecord, Sha256 } from './record';
import { VoidReason } from './void';

export const MANIFEST_FORMAT = 1;

/** `rows` are those that belong to the run; where it took the shard over, the body may hold others beside them. */
export const ManifestShard = PartRecord.extend({
  shard: Count,
  split: z.string(),
  rows: Count,
  rejected: Count,
  /** Of a shard that was taken over: the run that encoded it, in whose plan it has its number. */
  run: z.string().optional(),
  /** Image ids of the body that do not belong to the run, in the body's order: gone since, changed, or of another split now. */
  dropped: z.array(z.string()).min(1).optional(),
});
export type ManifestShard = z.infer<typeof ManifestShard>;

/** A shard that was encoded again: `void` is the k of its void record, `was` the sha256 of the body before, where that is known. */
export const Repaired = z.object({
  shard: Count,
  void: Count,
  reason: VoidReason,
  was: Sha256.nullable(),
  /** Number of the newest manifest before, 0 for none: this list of manifest m tells with `after: m - 1` what is new in it. */
  after: Count,
});
export type Repaired = z.infer<typeof Repaired>;

/** `runs/<run>/manifests/<k>.json`: what a complete run holds. The same commits give the same bytes. */
export const ManifestRecord = z.object({
  formatVersion: z.literal(MANIFEST_FORMAT),
  run: z.string(),
  number: Count,
  planSha256: Sha256,
  encoder: EncoderIdentity,
  /** Those taken over come first. */
  shards: z.array(ManifestShard),
  captions: z.array(PartRecord.extend({ split: z.string(), rows: Count })),
  splits: z.array(z.object({ split: z.string(), rows: Count, rejected: Count, captions: Count })),
  rejected: z.record(z.string(), Count),
  /** What the run took, made of the same commits; absent in manifests without one. */
  report: PartRecord.optional(),
  /** Every shard of the plan whose commit record was ever taken away, in the order of shards; absent when there is none. */
  repaired: z.array(Repaired).optional(),
});
export type ManifestRecord = z.infer<typeof ManifestRecord>;
