import { ShowtellError } from '@showtell/shared/errors';
import { ENGINES, type EncoderEngine, type EngineName, type EngineOptions } from './engine';
import { openOnnxEngine } from './onnx';

const OPEN: Readonly<Record<EngineName, (options: EngineOptions) => Promise<EncoderEngine>>> = { onnx: openOnnxEngine };

/** Opens the engine of that name in this process. @throws ShowtellError `CONFIG_INVALID`, `DEVICE_UNAVAILABLE`, `WEIGHTS_INVALID`. */
export async function openEngine(options: EngineOptions): Promise<EncoderEngine> {
  if (!Object.hasOwn(OPEN, options.engine))
    throw new ShowtellError('CONFIG_INVALID', `Expected one of ${ENGINES.join(', ')} for engine but received ${options.engine}`);
  if (!Number.isInteger(options.threads) || options.threads < 1)
    throw new ShowtellError('CONFIG_INVALID', `Expected a positive number for threads but received ${options.threads}`);
  return OPEN[options.engine](options);
}
