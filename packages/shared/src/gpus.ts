import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

/** An NVIDIA GPU as CUDA programs of this process see it. */
export interface Gpu {
  /** CUDA's number, counted over the visible ones in the order of their PCI slots. */
  readonly index: number;
  readonly name: string;
  readonly memoryMiB: number;
  readonly driver: string;
}

const QUERY = ['--query-gpu=index,uuid,name,memory.total,driver_version', '--format=csv,noheader,nounits'];
/** Waking up drivers of many GPUs takes seconds. */
const PATIENCE_MS = 30_000;

/** The GPUs that nvidia-smi lists, of those the ones that `CUDA_VISIBLE_DEVICES` leaves. None where it is absent or fails. */
export async function listGpus(env: NodeJS.ProcessEnv = process.env): Promise<readonly Gpu[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', QUERY, { env, timeout: PATIENCE_MS });
    return visibleGpus(parseGpus(stdout), env['CUDA_VISIBLE_DEVICES']);
  } catch {
    // Absent, or it says that there is no driver: no GPU to speak of either way.
    return [];
  }
}

interface ListedGpu extends Gpu {
  readonly uuid: string;
}

/** Lines of nvidia-smi's CSV; what is no GPU (a warning, an empty line) is passed over. */
export function parseGpus(csv: string): ListedGpu[] {
  return csv.split('\n').flatMap((line) => {
    const [index, uuid, name, memory, driver] = line.split(',').map((field) => field.trim());
    if (!/^\d+$/.test(index ?? '') || driver === undefined) return [];
    return [{ index: Number(index), uuid: uuid!, name: name!, memoryMiB: Number(memory) || 0, driver }];
  });
}

/** Numbered as CUDA does: the variable names GPUs by number or by the beginning of their UUID, and the first unknown name ends it. */
export function visibleGpus(gpus: readonly ListedGpu[], variable: string | undefined): Gpu[] {
  let visible = gpus;
  if (variable !== undefined) {
    const names = variable.split(',').map((name) => name.trim());
    const found = names.map((name) => gpus.find((gpu) => String(gpu.index) === name || (name !== '' && gpu.uuid.startsWith(name))));
    const end = found.indexOf(undefined);
    visible = (end < 0 ? found : found.slice(0, end)) as ListedGpu[];
  }
  return visible.map(({ name, memoryMiB, driver }, index) => ({ index, name, memoryMiB, driver }));
}

/** What the NVIDIA driver puts there; `/dev/dxg` is Windows' driver, seen from its Linux. */
const DEVICE_FILES = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/dxg'];

/** Whether this machine looks as if it had an NVIDIA GPU with its driver: enough to make a try worth its seconds. */
export async function looksLikeGpu(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  return DEVICE_FILES.some((path) => existsSync(path)) || (await listGpus(env)).length > 0;
}
