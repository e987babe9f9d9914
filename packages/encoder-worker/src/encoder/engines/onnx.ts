import { readFile } from 'node:fs/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { pixelBytes } from '@showtell/shared/image/limits';
import { onnxruntimeVersion, openSession, Tensor } from '@showtell/shared/onnx/session';
import { decodeEncoderFile, type EncoderFile } from '../encoder-file';
import { checkPixels, deviceInUse, type EncoderEngine, type EngineOptions } from './engine';
import { encoderGraph } from './onnx-graph';

/** Images in one run of the graph: more are not faster, and each keeps some 20 MB of activations. */
const RUN = 8;

/**
 * An encoder in onnxruntime on the CPU. `encode()` blocks the event loop of its process while it computes:
 * programs that hold locks use `startEngineProcess` instead.
 */
export async function openOnnxEngine(options: EngineOptions): Promise<EncoderEngine> {
  const device = deviceInUse(options);
  const { weights: path, threads } = options;
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new ShowtellError('WEIGHTS_INVALID', `The weights file ${path} cannot be read: ${cause.message}`, { cause });
  });
  const file = decodeEncoderFile(bytes, path);
  // Beside it run the preparing of photos, Redis, other workers: threads that spin take 20 % from a machine that is shared.
  const session = await openSession(graphOf(file), { threads, spinning: false, memoryPattern: false });
  const { side, dimension } = file;
  const imageBytes = pixelBytes(side);

  async function run(pixels: Uint8Array, count: number): Promise<Float32Array> {
    const features = new Float32Array(count * dimension);
    for (let start = 0; start < count; start += RUN) {
      const images = Math.min(RUN, count - start);
      const part = pixels.subarray(start * imageBytes, (start + images) * imageBytes);
      const result = await session.run({ pixels: new Tensor('uint8', part, [images, side, side, 3]) });
      features.set(result['features']!.data as Float32Array, start * dimension);
    }
    return features;
  }

  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;
  return {
    description: { engine: 'onnx', device, threads, versions: { onnxruntime: onnxruntimeVersion() } },
    side,
    dimension,
    async encode(pixels, count) {
      checkPixels(pixels, count, side);
      if (closed) throw new ShowtellError('BUG', 'encode() was called on a closed engine');
      const features = last.then(() => run(pixels, count));
      last = features.catch(() => undefined);
      return features;
    },
    close: () => (closed ??= last.then(() => session.release())),
  };
}

/** The graph of an encoder file: `pixels` uint8 [n, side, side, 3] → `features` float32 [n, dimension]. */
function graphOf(file: EncoderFile): Uint8Array {
  return encoderGraph(file.weights);
}
