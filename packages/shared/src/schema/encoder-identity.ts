import { z } from 'zod';
import { ShowtellError } from '../errors';
import { SIDE, SIDES } from '../image/limits';
import { Sha256 } from './record';

export const Precision = z.enum(['float32', 'float16', 'int8']);
export type Precision = z.infer<typeof Precision>;

/** The preprocessing in use, to pixels of that side; its name changes whenever a pixel could. See `image/prepare.ts`. */
export const preprocessingOf = (side: number) => `centre-square-${side}-linear-v1`;
/** InceptionV3's. */
export const PREPROCESSING = preprocessingOf(SIDE);

/** The side of the pixels that a preprocessing gives. @throws ShowtellError `MIXED_ENCODER` for one that this program has not. */
export function sideOf(preprocessing: string): number {
  const side = Number(/^centre-square-(\d+)-linear-v1$/.exec(preprocessing)?.[1]);
  if (side >= SIDES.least && side <= SIDES.most && preprocessingOf(side) === preprocessing) return side;
  throw new ShowtellError(
    'MIXED_ENCODER',
    `Expected a preprocessing that this program has, such as ${PREPROCESSING}, but received ${preprocessing}`,
    { hint: 'Use the version of Showtell that planned the run, or make the run again.' },
  );
}

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
