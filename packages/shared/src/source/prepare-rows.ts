import { Readable } from 'node:stream';
import { isShowtellError, REJECTION_CODES, type RejectionCode } from '../errors';
import { SIDE } from '../image/limits';
import { prepare } from '../image/prepare';
import type { PlanRow } from '../schema/plan';
import type { Animated, Rejection } from '../schema/shard';
import type { SourceReader } from './source-reader';

export type PreparedRow =
  | { readonly row: PlanRow; readonly pixels: Buffer; readonly animated?: Animated; readonly rejection?: never }
  | { readonly row: PlanRow; readonly rejection: Rejection; readonly pixels?: never; readonly animated?: never };

export interface PrepareRowsOptions {
  /** Photos that are downloaded or decoded at once. */
  readonly concurrency: number;
  /** Of the pixels, side × side. */
  readonly side?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads and prepares planned photos, in row order. A photo that cannot be used is data, with a code and a reason;
 * whatever is not the photo's fault (a store that does not answer) is thrown. Aborting throws the signal's reason.
 */
export async function* prepareRows(
  reader: SourceReader,
  rows: readonly PlanRow[],
  { concurrency, side = SIDE, signal }: PrepareRowsOptions,
): AsyncGenerator<PreparedRow, void, undefined> {
  const prepareRow = (row: PlanRow, options?: { signal?: AbortSignal | undefined }) => prepareOne(reader, row, side, options?.signal);
  try {
    yield* Readable.from(rows).map(prepareRow, { concurrency, ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

async function prepareOne(reader: SourceReader, row: PlanRow, side: number, signal?: AbortSignal): Promise<PreparedRow> {
  try {
    const { pixels, frames } = await prepare(await reader.read(row, signal), side);
    return { row, pixels, ...(frames > 1 && { animated: { imageId: row.imageId, frames } }) };
  } catch (error) {
    if (!isShowtellError(error) || !isRejection(error.code)) throw error;
    return { row, rejection: { imageId: row.imageId, code: error.code, reason: error.message } };
  }
}

function isRejection(code: string): code is RejectionCode {
  return (REJECTION_CODES as readonly string[]).includes(code);
}
