import { isShowtellError } from '@showtell/shared/errors';
import { PIXEL_BYTES } from '@showtell/shared/image/limits';
import type { PixelBlock } from '@showtell/shared/queue/pixel-block';
import type { Rejection } from '@showtell/shared/schema/shard';
import type { Logger } from 'pino';
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
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Encodes a block. When the engine dies on it, each half is tried in a fresh engine, until the one picture is found that kills it
 * every time, which is rejected as `CRASHED_WORKER`. Pictures that pass are innocent, whatever had killed the engine before.
 * @throws ShowtellError `ENGINE_CRASHED` when the engine dies of any picture: then it, and no picture, is to blame.
 */
export async function encodeBlock(block: PixelBlock, context: EncodeContext): Promise<EncodedBlock> {
  const { imageIds, rejected, pixels } = block;
  if (imageIds.length === 0) return { imageIds, features: [], rejected };
  const encoded = await tryEncode(pixels, imageIds.length, context);
  if (encoded !== 'crashed') return { imageIds, features: encoded, rejected };
  context.logger.warn({ images: imageIds.length, first: imageIds[0] }, 'the encoder process died; looking for the picture that kills it');
  const {
    features,
    rejected: guilty,
    imageIds: kept,
  } = await (imageIds.length === 1 ? judge(block, context) : encodeHalves(block, context));
  return { imageIds: kept, features, rejected: [...rejected, ...guilty] };
}

async function encodeHalves({ imageIds, pixels }: PixelBlock, context: EncodeContext): Promise<EncodedBlock> {
  const middle = imageIds.length >> 1;
  const first = await encodeBlock(slice(imageIds, pixels, 0, middle), context);
  const second = await encodeBlock(slice(imageIds, pixels, middle, imageIds.length), context);
  return {
    imageIds: [...first.imageIds, ...second.imageIds],
    features: [...first.features, ...second.features],
    rejected: [...first.rejected, ...second.rejected],
  };
}

const slice = (imageIds: readonly string[], pixels: Buffer, start: number, end: number): PixelBlock => ({
  imageIds: imageIds.slice(start, end),
  pixels: pixels.subarray(start * PIXEL_BYTES, end * PIXEL_BYTES),
  rejected: [],
});

/** One picture alone, after a grey one has proved that the fresh engine works. */
async function judge({ imageIds, pixels }: PixelBlock, context: EncodeContext): Promise<EncodedBlock> {
  await encodeWith(Buffer.alloc(PIXEL_BYTES, 128), 1, context);
  const encoded = await tryEncode(pixels, 1, context);
  if (encoded !== 'crashed') return { imageIds, features: encoded, rejected: [] };
  const reason = 'The encoder process died on this picture, again when it was alone';
  return { imageIds: [], features: [], rejected: [{ imageId: imageIds[0]!, code: 'CRASHED_WORKER', reason }] };
}

async function tryEncode(pixels: Buffer, count: number, context: EncodeContext): Promise<Float32Array[] | 'crashed'> {
  // Outside of the try: an engine that cannot even start is no picture's fault.
  const engine = await context.engines.get(context.weightsSha256, context.signal);
  try {
    return await encodeWith(pixels, count, context, engine);
  } catch (error) {
    if (!isShowtellError(error, 'ENGINE_CRASHED')) throw error;
    await context.engines.close();
    return 'crashed';
  }
}

async function encodeWith(pixels: Buffer, count: number, context: EncodeContext, given?: EncoderEngine): Promise<Float32Array[]> {
  const engine = given ?? (await context.engines.get(context.weightsSha256, context.signal));
  const features = await unlessAborted(engine.encode(pixels, count), context.signal);
  return Array.from({ length: count }, (_, row) => features.subarray(row * engine.dimension, (row + 1) * engine.dimension));
}

/** The engine cannot be interrupted within a batch; an aborted job stops waiting for it. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort!);
  }
}
