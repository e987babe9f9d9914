import { type Device, isCuda } from './device';
import { isShowtellError } from './errors';

/** Opens on a device; `chosen` says why, where the choice was not the operator's. */
export type OpenOn<T> = (device: Device, chosen?: string) => Promise<T>;

export interface DeviceChoice {
  /** The one that was asked for, or those to try, the best first. */
  readonly devices: readonly Device[];
  /** Whether an operator left the choice to the program. */
  readonly auto: boolean;
  /** What is said of the last device where none before it was tried. */
  readonly alone: string;
}

/**
 * Opens on the device that was asked for, or fails. `auto` takes the first device that can be opened, and leaves out CUDA where there
 * is no point in trying.
 * @param whyNotCuda what keeps this machine from CUDA, as far as can be seen without trying.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` from `open` of the one device asked for, or of the last one tried.
 */
export async function openFirstDevice<T>(
  { devices, auto, alone }: DeviceChoice,
  open: OpenOn<T>,
  whyNotCuda: () => Promise<string | undefined>,
): Promise<T> {
  if (!auto) return open(devices[0]!);
  const reasons: string[] = [];
  for (const [index, device] of devices.entries()) {
    const last = index === devices.length - 1;
    const chosen = reasons.length > 0 ? reasons.join('; ') : last ? alone : 'there is a GPU';
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
