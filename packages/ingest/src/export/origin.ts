import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';

/** What an export was made of: the same of it gives the same bytes. */
export interface ExportOrigin {
  readonly run: string;
  readonly manifest: { readonly number: number; readonly key: string; readonly sha256: string };
  readonly encoder: EncoderIdentity;
  /** In the export's order. */
  readonly splits: readonly { readonly split: string; readonly samples: number }[];
}
