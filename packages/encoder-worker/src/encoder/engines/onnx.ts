import { readFile } from 'node:fs/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { PIXEL_BYTES, SIDE } from '@showtell/shared/image/limits';
import { onnxruntimeVersion, openSession, Tensor } from '@showtell/shared/onnx/session';
import { decodeWeights } from '../weights/tensors';
import { checkPixels, deviceInUse, type EncoderEngine, type EngineOptions } from './engine';
import { encoderGraph } from './onnx-graph';

/** Images in one run of the graph: more are not faster, and each keeps some 20 MB of activations. */
const RUN = 8;

/**
 * InceptionV3 in onnxruntime on the CPU. `encode()` blocks the event loop of its process while it computes:
 * programs that hold locks use `startEngineProcess` instead.
 */
export async function openOnnxEngine(options: EngineOptions): Promise<EncoderEngine> {
  const device = deviceInUse(options);
  const { weights: path, threads } = options;
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new ShowtellError('WEIGHTS_INVALID', `The weights file ${path} cannot be read: ${cause.message}`, { cause });
  });
  const weights = decodeWeights(bytes, path);
  // Beside it run the preparing of photos, Redis, other workers: threads that spin take 20 % from a machine that is shared.
  const session = await openSession(encoderGraph(weights), { threads, spinning: false, memoryPattern: false });
  const { dimension } = weights;

  async function run(pixels: Uint8Array, count: number): Promise<Float32Array> {
    const features = new Float32Array(count * dimension);
    for (let start = 0; start < count; start += RUN) {
      const images = Math.min(RUN, count - start);
      const part = pixels.subarray(start * PIXEL_BYTES, (start + images) * PIXEL_BYTES);
      const result = await session.run({ pixels: new Tensor('uint8', part, [images, SIDE, SIDE, 3]) });
      features.set(result['features']!.data as Float32Array, start * dimension);
    }
    return features;
  }

  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;
  return {
    description: { engine: 'onnx', device, threads, versions: { onnxruntime: onnxruntimeVersion() } },
    dimension,
    async encode(pixels, count) {
      checkPixels(pixels, count);
      if (closed) throw new ShowtellError('BUG', 'encode() was called on a closed engine');
      const features = last.then(() => run(pixels, count));
      last = features.catch(() => undefined);
      return features;
    },
    close: () => (closed ??= last.then(() => session.release())),
  };
}
