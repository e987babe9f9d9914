import type { CaptionRow, PlanFindings, PlanRow } from '@showtell/shared/schema/plan';
import type { SourceAddress } from '@showtell/shared/schema/run';

/** A place that lists images with their captions. Add a dataset by writing another one. */
export interface DatasetSource {
  readonly address: SourceAddress;
  /**
   * Lists and checks everything; nothing is written. The same source gives the same dataset, in the same order.
   * Throws `NOT_A_DATASET`, `BROKEN_ANNOTATIONS`, `ID_CONFLICT`, `EMPTY_DATASET`, `NOT_FOUND` for a split that is not there,
   * `STRICT`, or what the store throws.
   */
  scan(options: ScanOptions): Promise<Dataset>;
}

export interface ScanOptions {
  /** Splits to take; empty for all there are. */
  readonly splits: readonly string[];
  /** Whether captions without images, images without captions and absent photos are errors. */
  readonly strict: boolean;
  readonly signal?: AbortSignal;
}

export interface Dataset {
  /** In code-point order of their names. */
  readonly splits: readonly DatasetSplit[];
  readonly findings: PlanFindings;
}

export interface DatasetSplit {
  readonly split: string;
  /** In the order of `sortByImageId`; no image id twice. COCO's files of two splits may number their images alike. */
  readonly samples: readonly PlanRow[];
  /** In the order of `samples`, then of the annotations. */
  readonly captions: readonly CaptionRow[];
}
