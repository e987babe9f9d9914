import { cpuName, cudaIndex, type Device, isCuda } from '../device';
import type { EngineDescription } from '../engine-description';
import { listGpus } from '../gpus';
import { tensorflowFolder } from './bindings';
import { loadTensorflow, type Operators } from './load';

export interface OpenTensorflowOptions {
  readonly device: Device;
  readonly threads: number;
  /** Where `showtell engine install` keeps TensorFlow. Default: `tensorflowFolder()`. */
  readonly folder: string | undefined;
}

/** Loads TensorFlow.js for a device and says what it became. Errors as of `loadTensorflow`. */
export async function openTensorflow({ device, threads: wanted, folder }: OpenTensorflowOptions): Promise<{
  readonly tf: Operators;
  readonly description: Omit<EngineDescription, 'precision' | 'chosen'>;
}> {
  // Asked for first: TensorFlow is shown one GPU alone, and so would nvidia-smi be.
  const [provider, deviceName] = isCuda(device)
    ? ['CUDA', (await listGpus()).find(({ index }) => index === cudaIndex(device))?.name ?? 'a GPU that nvidia-smi does not list']
    : [device === 'cpu' ? 'CPU' : 'WebAssembly', cpuName()];
  const { tf, threads, versions } = await loadTensorflow({ device, threads: wanted, folder: tensorflowFolder(folder) });
  return { tf, description: { engine: 'tensorflow', provider, device, deviceName, threads, versions } };
}
