import { cpus } from 'node:os';
import { ShowtellError } from './errors';

/** Where something is computed: the processors of this machine together, one of its CUDA GPUs, or WebAssembly on one thread. */
export type Device = 'cpu' | 'wasm' | `cuda:${number}`;
/** What a person may ask for: `auto` takes a GPU where one can be had and otherwise the CPU, and says which and why. */
export type DeviceRequest = Device | 'auto';

export const DEVICE_FORMS = 'auto, cpu, cuda, cuda:<number> or wasm';

/** `cuda` is the first GPU. @throws ShowtellError `CONFIG_INVALID`. */
export function parseDevice(text: string): DeviceRequest {
  if (text === 'auto' || text === 'cpu' || text === 'wasm') return text;
  const match = /^cuda(?::(\d{1,3}))?$/.exec(text);
  if (match === null) throw new ShowtellError('CONFIG_INVALID', `Expected ${DEVICE_FORMS} for device but received ${JSON.stringify(text)}`);
  return `cuda:${Number(match[1] ?? 0)}`;
}

/** Devices with commas between them, each once, for programs that drive several. @throws ShowtellError `CONFIG_INVALID`. */
export function parseDevices(text: string): readonly DeviceRequest[] {
  const devices = text.split(',').map((part) => parseDevice(part.trim()));
  if (new Set(devices).size < devices.length)
    throw new ShowtellError('CONFIG_INVALID', `Expected every device once but received ${JSON.stringify(text)}`);
  if (devices.length > 1 && devices.includes('auto'))
    throw new ShowtellError('CONFIG_INVALID', `Expected auto alone, or a list of devices, but received ${JSON.stringify(text)}`);
  return devices;
}

export const isCuda = (device: DeviceRequest): device is `cuda:${number}` => device.startsWith('cuda');

/** Its number, as CUDA and nvidia-smi count. */
export const cudaIndex = (device: `cuda:${number}`): number => Number(device.slice('cuda:'.length));

/** As the processor calls itself. */
export function cpuName(): string {
  return cpus()[0]?.model.trim() ?? process.arch;
}
