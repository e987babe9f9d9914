import { z } from 'zod';
import { Count, Sha256 } from './record';
import { CommitRecord } from './shard';

export const VOID_FORMAT = 1;

/**
 * Why a shard's commit record was taken away. `missing`: record or body was gone; `corrupt`: record, body or what is in it is not
 * what it should be; `duplicate`, `unplanned`: of images, or (`unplanned`) of the shard itself; `foreign`: the record is of another
 * run, plan or encoder; `retry`: it was in order, and an operator wanted its rejected images tried again.
 */
export const VoidReason = z.enum(['missing', 'corrupt', 'duplicate', 'unplanned', 'foreign', 'retry']);
export type VoidReason = z.infer<typeof VoidReason>;

/** `runs/<run>/void/<nnnnn>-<k>.json`: the k-th commit record that an operator took away from a shard, so that it is encoded again. */
export const VoidRecord = z.object({
  formatVersion: z.literal(VOID_FORMAT),
  run: z.string(),
  shard: Count,
  number: Count.min(1),
  reason: VoidReason,
  /** What was found, for people. */
  detail: z.string(),
  /** Number of the run's newest manifest then, 0 for none: the one after it tells of this record. */
  manifest: Count,
  /** sha256 of the record's bytes as found; `null` when it was gone. */
  recordSha256: Sha256.nullable(),
  /** sha256 of the body, as the record or else the newest manifest names it. */
  was: Sha256.nullable(),
  /** The record, where it could be read. */
  record: CommitRecord.nullable(),
  /** The beginning of what lay there, in base64, where it was no record. */
  unreadable: z.string().optional(),
  at: z.string(),
});
export type VoidRecord = z.infer<typeof VoidRecord>;
