import { z } from 'zod';
import { Precision } from './encoder-identity';
import { Sha256 } from './record';

export const RUN_FORMAT = 1;

/** Where a run's images come from. Credentials are never part of it. */
export const SourceAddress = z.strictObject({
  kind: z.enum(['coco', 'coco-zip', 'captions', 'karpathy', 'synthetic']),
  /** `file:///folder`, `s3://bucket/prefix` or `synthetic:N`. */
  url: z.string(),
  /** Key of the captions file, relative to `url`, where the dataset has one for all its splits. */
  captions: z.string().optional(),
  /** Folder of the photos that such a captions file names, relative to `url`, where a person named it. */
  photos: z.string().optional(),
  endpoint: z.string().optional(),
  /** Reads without signing, as for public buckets. */
  unsigned: z.boolean().optional(),
});
export type SourceAddress = z.infer<typeof SourceAddress>;

/** `runs/<run>/run.json`: the frozen request. It claims the run's name. No time, host or user stands in it. */
export const RunRecord = z.strictObject({
  formatVersion: z.literal(RUN_FORMAT),
  run: z.string(),
  source: SourceAddress,
  /** The splits asked for, sorted; empty means all that the source has. */
  splits: z.array(z.string()),
  encoder: z.string(),
  /** What the user named: `bundled`, a path or a URL. */
  weights: z.string(),
  /** sha256 of the float32 source weights, under which `weights/<sha256>` keeps them. */
  weightsSha256: Sha256,
  dimension: z.int().positive(),
  preprocessing: z.string(),
  precision: Precision,
  shardRows: z.int().min(1).max(65_536),
  microBatch: z.int().min(1).max(1_024),
  strict: z.boolean(),
  /** Run whose features are taken over: only what it has not encoded is planned. */
  base: z.string().optional(),
  /** Preset of the training that the finalizer enqueues, if any. */
  train: z.string().optional(),
});
export type RunRecord = z.infer<typeof RunRecord>;
