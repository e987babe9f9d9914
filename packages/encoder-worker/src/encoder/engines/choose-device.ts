import { type OpenOn, openFirstDevice } from '@showtell/shared/choose-device';
import { devicesToTry, type EngineOptions } from './engine';

/**
 * Opens on the device that was asked for, or on the first of the engine's devices that can be opened (`auto`).
 * @param whyNotCuda what keeps this machine from CUDA, as far as can be seen without trying.
 * @throws ShowtellError as `devicesToTry` and `openFirstDevice` do.
 */
export function openOnDevice<T>(
  options: Pick<EngineOptions, 'engine' | 'precision' | 'device'>,
  open: OpenOn<T>,
  whyNotCuda: () => Promise<string | undefined>,
): Promise<T> {
  const alone = `${options.precision} is computed there alone`;
  return openFirstDevice({ devices: devicesToTry(options), auto: options.device === 'auto', alone }, open, whyNotCuda);
}
