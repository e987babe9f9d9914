import { isShowtellError, ShowtellError } from '@showtell/shared/errors';

export const TAKE_ANOTHER = 'Take another checkpoint: `showtell checkpoints TRAINING` lists them.';

/** What a damaged file of a checkpoint is called for the user, whatever noticed it; other errors come back as they are. */
function corrupt(error: unknown): unknown {
  if (!isShowtellError(error, 'CORRUPT_OBJECT') && !isShowtellError(error, 'WEIGHTS_INVALID') && !(error instanceof SyntaxError))
    return error;
  return new ShowtellError('CORRUPT_CHECKPOINT', error.message, { cause: error, hint: TAKE_ANOTHER });
}

/** Runs `read` and turns damage that it meets into `CORRUPT_CHECKPOINT`. */
export function asCorruptCheckpoint<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw corrupt(error);
  }
}

export async function asCorruptCheckpointAsync<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw corrupt(error);
  }
}
