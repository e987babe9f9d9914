import { isShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import type { PixelBlock } from '@showtell/shared/queue/pixel-block';
import { unlessAborted } from '@showtell/shared/queue/until';
import type { Rejection } from '@showtell/shared/schema/shard';
import type { Logger } from 'pino';
import { bisect, type Verdict } from './bisect';
import type { EncoderEngine } from './encoder/engines/engine';
import type { EngineKeeper } from './engine-keeper';

export interface EncodedBlock {
  readonly imageIds: readonly string[];
  /** One feature for each image id. */
  readonly features: readonly Float32Array[];
  readonly rejected: readonly Rejection[];
}

export interface EncodeContext {
  readonly engines: EngineKeeper;
  readonly weightsSha256: string;
  /** Of the block's pixels. */
  readonly side: number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Encodes a block. When the engine dies on it, each half is tried in a fresh engine, until the one picture is found that kills it
 * every time, which is rejected as `CRASHED_WORKER`.
 * @throws ShowtellError `ENGINE_CRASHED` when the engine dies of any picture: then it, and no picture, is to blame.
 */
export async function encodeBlock({ imageIds, rejected, pixels }: PixelBlock, context: EncodeContext): Promise<EncodedBlock> {
  // Neighbours stay neighbours when they are halved, so their pixels are one slice.
  const bytes = pixelBytes(context.side);
  const pixelsOf = (rows: readonly number[]) => pixels.subarray(rows[0]! * bytes, (rows.at(-1)! + 1) * bytes);
  const verdicts = await bisect(
    imageIds.map((_, row) => row),
    (rows) => tryEncode(pixelsOf(rows), rows.length, context),
    (row) => judge(pixelsOf([row]), context),
  );
  const reason = 'The encoder process died on this picture, again when it was alone';
  return {
    imageIds: imageIds.filter((_, row) => verdicts[row] !== 'guilty'),
    features: verdicts.filter((verdict) => verdict !== 'guilty'),
    rejected: [
      ...rejected,
      ...imageIds.filter((_, row) => verdicts[row] === 'guilty').map((imageId) => ({ imageId, code: 'CRASHED_WORKER' as const, reason })),
    ],
  };
}

/** One picture alone, after a grey one has proved that the fresh engine works. */
async function judge(pixels: Buffer, context: EncodeContext): Promise<Verdict<Float32Array>> {
  await encodeWith(Buffer.alloc(pixels.length, 128), 1, context);
  const encoded = await tryEncode(pixels, 1, context);
  return encoded === 'crashed' ? 'guilty' : encoded[0]!;
}

async function tryEncode(pixels: Buffer, count: number, context: EncodeContext): Promise<Float32Array[] | 'crashed'> {
  // Outside of the try: an engine that cannot even start is no picture's fault.
  const engine = await context.engines.get(context.weightsSha256, context.signal);
  try {
    return await encodeWith(pixels, count, context, engine);
  } catch (error) {
    if (context.signal.aborted) throw error;
    if (!isShowtellError(error, 'ENGINE_CRASHED')) {
      // A context of CUDA that failed once fails for ever: whoever tries again gets a fresh engine.
      await context.engines.close();
      throw error;
    }
    context.logger.warn({ err: error, images: count }, 'the encoder process died; looking for the picture that kills it');
    await context.engines.close();
    return 'crashed';
  }
}

async function encodeWith(pixels: Buffer, count: number, context: EncodeContext, given?: EncoderEngine): Promise<Float32Array[]> {
  const engine = given ?? (await context.engines.get(context.weightsSha256, context.signal));
  // The engine cannot be interrupted within a batch; an aborted job stops waiting for it.
  const features = await unlessAborted(engine.encode(pixels, count), context.signal);
  return Array.from({ length: count }, (_, row) => features.subarray(row * engine.dimension, (row + 1) * engine.dimension));
}
