import { z } from 'zod';
import { EncoderIdentity } from './encoder-identity';
import { Count, PartRecord, Sha256 } from './record';

export const MANIFEST_FORMAT = 1;

export const ManifestShard = PartRecord.extend({ shard: Count, split: z.string(), rows: Count, rejected: Count });
export type ManifestShard = z.infer<typeof ManifestShard>;

/** `runs/<run>/manifests/<k>.json`: what a complete run holds. The same commits give the same bytes. */
export const ManifestRecord = z.object({
  formatVersion: z.literal(MANIFEST_FORMAT),
  run: z.string(),
  number: Count,
  planSha256: Sha256,
  encoder: EncoderIdentity,
  shards: z.array(ManifestShard),
  captions: z.array(PartRecord.extend({ split: z.string(), rows: Count })),
  splits: z.array(z.object({ split: z.string(), rows: Count, rejected: Count, captions: Count })),
  rejected: z.record(z.string(), Count),
});
export type ManifestRecord = z.infer<typeof ManifestRecord>;
