import { type Device, isCuda } from '@showtell/shared/device';
import { isShowtellError } from '@showtell/shared/errors';
import { devicesToTry, type EngineOptions } from './engine';

/** Opens on a device; `chosen` says why, where the choice was not the operator's. */
export type OpenOn<T> = (device: Device, chosen?: string) => Promise<T>;

/**
 * Opens on the device that was asked for, or fails. `auto` takes the first of the engine's devices that can be opened, and leaves out
 * CUDA where there is no point in trying.
 * @param whyNotCuda what keeps this machine from CUDA, as far as can be seen without trying.
 * @throws ShowtellError as `devicesToTry` does; `DEVICE_UNAVAILABLE` from `open` of the one device asked for, or of the last one tried.
 */
export async function openOnDevice<T>(
  options: Pick<EngineOptions, 'engine' | 'precision' | 'device'>,
  open: OpenOn<T>,
  whyNotCuda: () => Promise<string | undefined>,
): Promise<T> {
  const devices = devicesToTry(options);
  if (options.device !== 'auto') return open(devices[0]!);
  const reasons: string[] = [];
  for (const [index, device] of devices.entries()) {
    const last = index === devices.length - 1;
    const chosen = reasons.length > 0 ? reasons.join('; ') : last ? `${options.precision} is computed there alone` : 'there is a GPU';
    const obstacle = isCuda(device) && !last ? await whyNotCuda() : undefined;
    if (obstacle === undefined)
      try {
        return await open(device, chosen);
      } catch (error) {
        if (last || !isShowtellError(error, 'DEVICE_UNAVAILABLE')) throw error;
        reasons.push(error.message);
      }
    else reasons.push(`no CUDA: ${obstacle}`);
  }
  throw new Error('Every engine has a device');
}
