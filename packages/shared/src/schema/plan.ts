import { z } from 'zod';
import { EncoderIdentity } from './encoder-identity';
import { ManifestShard } from './manifest';
import { Count, PartRecord, Sha256 } from './record';

export const PLAN_FORMAT = 1;

/** What validation found and did not fail on. Lists hold the first 100. */
export const PlanFindings = z.object({
  duplicateImages: Count,
  duplicateCaptions: Count,
  captionsWithoutImage: z.object({ count: Count, examples: z.array(z.string()) }),
  imagesWithoutCaption: z.object({ count: Count, examples: z.array(z.string()) }),
  /** Listed by the annotations but not found in the source. */
  imagesMissing: z.object({ count: Count, examples: z.array(z.string()) }),
  captionsRejected: z.object({ count: Count, examples: z.array(z.string()) }),
});
export type PlanFindings = z.infer<typeof PlanFindings>;

export const PlanShard = PartRecord.extend({ shard: Count, split: z.string(), rows: z.int().positive() });
export type PlanShard = z.infer<typeof PlanShard>;

/** What a run takes over from another, as that run's manifest had it when the plan was made. */
export const PlanBase = z.object({
  run: z.string(),
  manifest: Count,
  /** Of that manifest. */
  sha256: Sha256,
  /** Shards that hold samples of this run, the base's own and those that it took over itself. */
  shards: z.array(ManifestShard),
});
export type PlanBase = z.infer<typeof PlanBase>;

/** `runs/<run>/plan.json`: the plan's commit. Shards are numbered 0… in order; each holds samples of one split. */
export const PlanRecord = z.object({
  formatVersion: z.literal(PLAN_FORMAT),
  run: z.string(),
  encoder: EncoderIdentity,
  microBatch: z.int().positive(),
  /** `samples` counts those taken over, too; `shards` only those that are planned. */
  splits: z.array(z.object({ split: z.string(), samples: Count, captions: Count, shards: Count })),
  /** Only what has to be encoded. */
  shards: z.array(PlanShard),
  captions: z.array(PartRecord.extend({ split: z.string(), rows: Count })),
  findings: PlanFindings,
  base: PlanBase.optional(),
  runSha256: Sha256,
});
export type PlanRecord = z.infer<typeof PlanRecord>;

/** Samples that a run takes over from its base: all of them, or those of a split. */
export function takenOver({ base }: Pick<PlanRecord, 'base'>, split?: string): number {
  const shards = base?.shards.filter((shard) => split === undefined || shard.split === split) ?? [];
  return shards.reduce((sum, { rows }) => sum + rows, 0);
}

/** One sample of a plan shard, as the Arrow rows hold it (see `arrow/plan-rows.ts`). */
export interface PlanRow {
  /** Text in every format; COCO's numbers are printed as numbers again in results files. */
  readonly imageId: string;
  readonly fileName: string;
  /** Key relative to the source's root (of a photo in a zip: the archive's), or the scene for `synthetic`. */
  readonly sourceKey: string;
  readonly etag: string;
  /** Of the photo. */
  readonly bytes: number;
  readonly licence: string;
  readonly url: string;
  /** Where in the archive the photo lies; all rows of a shard have it, or none. */
  readonly zip?: ZipPlace;
}

/** An entry of a zip archive, as the archive's directory tells of it. */
export interface ZipPlace {
  /** The entry's name. */
  readonly entry: string;
  /** 0: stored, 8: deflate. */
  readonly method: number;
  /** Of the photo, not of its compressed bytes. */
  readonly crc32: number;
  readonly compressedBytes: number;
  /** Of the entry's local header, from the archive's beginning. */
  readonly offset: number;
}

export interface CaptionRow {
  readonly imageId: string;
  readonly caption: string;
}
