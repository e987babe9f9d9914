import type { PlanRow } from '@showtell/shared/schema/plan';
import type { SourceAddress } from '@showtell/shared/schema/run';
import type { PreparedRow } from '@showtell/shared/source/prepare-rows';
import type { WireError } from './engine-messages';

/** To the preparing process, once it has said `ready`. */
export interface PrepareRequest {
  readonly source: SourceAddress;
  readonly rows: readonly PlanRow[];
  /** Photos that are downloaded or decoded at once. */
  readonly downloads: number;
  /** Of the pixels. */
  readonly side: number;
}

/** From the preparing process: first `ready`, then one of the others. */
export type PrepareReply =
  | { readonly type: 'ready' }
  | { readonly type: 'prepared'; readonly rows: readonly PreparedRow[] }
  | { readonly type: 'failed'; readonly error: WireError };
