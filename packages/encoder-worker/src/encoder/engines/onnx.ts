import { readFile } from 'node:fs/promises';
import { ShowtellError } from '@showtell/shared/errors';
import { SIDE } from '@showtell/shared/image/limits';
import { onnxruntimeVersion, openSession, Tensor } from '@showtell/shared/onnx/session';
import { decodeWeights } from '../weights/tensors';
import { checkPixels, type EncoderEngine, type EngineOptions } from './engine';
import { encoderGraph } from './onnx-graph';

/**
 * InceptionV3 in onnxruntime on the CPU. `encode()` blocks the event loop of its process while it computes:
 * programs that hold locks use `startEngineProcess` instead.
 */
export async function openOnnxEngine({ weights: path, precision, device, threads }: EngineOptions): Promise<EncoderEngine> {
  if (precision !== 'float32')
    throw new ShowtellError('CONFIG_INVALID', `Expected precision float32 for the engine onnx but received ${precision}`, {
      hint: 'float16 and int8 are not there yet.',
    });
  if (device !== 'cpu' && device !== 'auto')
    throw new ShowtellError('DEVICE_UNAVAILABLE', `Expected device cpu or auto for the engine onnx but received ${device}`, {
      hint: 'GPUs are not supported yet; --device auto takes the CPU.',
    });

  const bytes = await readFile(path).catch((cause: Error) => {
    throw new ShowtellError('WEIGHTS_INVALID', `The weights file ${path} cannot be read: ${cause.message}`, { cause });
  });
  const weights = decodeWeights(bytes, path);
  const session = await openSession(encoderGraph(weights), { threads });
  const { dimension } = weights;
  let last: Promise<unknown> = Promise.resolve();
  let closed: Promise<void> | undefined;
  return {
    description: { engine: 'onnx', device: 'cpu', threads, versions: { onnxruntime: onnxruntimeVersion() } },
    dimension,
    async encode(pixels, count) {
      checkPixels(pixels, count);
      if (closed) throw new ShowtellError('BUG', 'encode() was called on a closed engine');
      const run = session.run({ pixels: new Tensor('uint8', pixels, [count, SIDE, SIDE, 3]) });
      last = run.catch(() => undefined);
      return (await run)['features']!.data as Float32Array;
    },
    close: () => (closed ??= last.then(() => session.release())),
  };
}
