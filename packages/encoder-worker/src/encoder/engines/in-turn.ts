import { ShowtellError } from '@showtell/shared/errors';
import type { Batches } from './batches';
import { checkPixels, type EncoderEngine } from './engine';

export interface InTurnOptions extends Pick<EncoderEngine, 'description' | 'side' | 'dimension'> {
  readonly batches: Batches;
  /** Gives back what the engine holds, once everything that was begun is done. */
  readonly release: () => Promise<void> | void;
}

/** An engine that answers requests in turn: devices compute one batch at a time. */
export function inTurn({ description, side, dimension, batches, release }: InTurnOptions): EncoderEngine {
  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;
  return {
    description,
    side,
    dimension,
    get batch() {
      return batches.size;
    },
    async encode(pixels, count) {
      checkPixels(pixels, count, side);
      if (closed) throw new ShowtellError('BUG', 'encode() was called on a closed engine');
      const features = last.then(() => batches.encode(pixels, count));
      last = features.catch(() => undefined);
      return features;
    },
    close: () => (closed ??= last.then(release)),
  };
}
