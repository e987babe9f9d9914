import { ShowtellError } from '@showtell/shared/errors';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import type { ResolvedWeights } from './resolve';

/** @throws ShowtellError `CONFIG_INVALID` for a precision in which these weights cannot be had. */
export function checkWeightsPrecision(
  { encoder, precisions }: Pick<ResolvedWeights, 'encoder' | 'precisions'>,
  precision: Precision,
): void {
  if (precisions.includes(precision)) return;
  throw new ShowtellError(
    'CONFIG_INVALID',
    `Expected precision ${precisions.join(' or ')} for the encoder ${encoder} but received ${precision}`,
    { hint: 'An encoder of your own is computed in the numbers it was saved in: leave --precision out.' },
  );
}
