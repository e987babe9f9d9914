import type { PlanRow } from '../schema/plan';

/** Where the bytes of planned photos come from. */
export interface SourceReader {
  /**
   * The photo's bytes, exactly those that were planned. Throws a `ShowtellError`: `MISSING_IMAGE`, `SOURCE_CHANGED`, `CORRUPT_ZIP` or
   * `TOO_LARGE`, with which the photo is rejected, or a `STORE_*` code (or another of the store's), with which the work is tried again.
   */
  read(row: PlanRow, signal?: AbortSignal): Promise<Buffer>;
  close(): Promise<void>;
}
