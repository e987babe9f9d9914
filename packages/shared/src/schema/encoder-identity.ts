import { z } from 'zod';
import { Sha256 } from './record';

export const Precision = z.enum(['float32', 'float16', 'int8']);
export type Precision = z.infer<typeof Precision>;

/** The preprocessing in use; its name changes whenever a pixel could. See `image/prepare.ts`. */
export const PREPROCESSING = 'centre-square-299-linear-v1';

/**
 * What makes a feature: features of different identities never mix.
 * Engine and device are not part of it; they belong to the worker and stand in the commit record.
 */
export const EncoderIdentity = z.strictObject({
  encoder: z.string(),
  weightsSha256: Sha256,
  preprocessing: z.string(),
  precision: Precision,
  /** Length of a feature. */
  dimension: z.int().positive(),
});
export type EncoderIdentity = z.infer<typeof EncoderIdentity>;
