import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { cudaIndex } from '../device';
import { ShowtellError } from '../errors';
import { type Gpu, listGpus, looksLikeGpu } from '../gpus';

/** onnxruntime's CUDA provider: it lies beside onnxruntime's own library, and is of the same version, or is not found. */
export const PROVIDER_FILES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'] as const;

/** cuDNN is opened by name once it is needed, so the linker does not list it. */
const CUDNN = 'libcudnn.so.9';
const DRIVER = 'libcuda.so.1';

/** The folder of onnxruntime's library, where its providers are looked for. */
export function onnxruntimeFolder(): string {
  return join(dirname(require.resolve('onnxruntime-node/package.json')), 'bin', 'napi-v6', process.platform, process.arch);
}

/** Where `showtell engine install onnx-cuda` keeps the provider, and CUDA's libraries where it was asked for them: outside `node_modules`. */
export function keptCudaFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'showtell', 'onnx-cuda', onnxruntimeNodeVersion());
}

/** The provider must be of the very version of onnxruntime. */
export function onnxruntimeNodeVersion(): string {
  return (JSON.parse(readFileSync(require.resolve('onnxruntime-node/package.json'), 'utf8')) as { version: string }).version;
}

/** Folders of CUDA's libraries that were fetched; a process finds them only by the `LD_LIBRARY_PATH` that it was started with. */
export function keptLibraryFolders(folder: string = keptCudaFolder()): string[] {
  const nvidia = join(folder, 'nvidia');
  return existsSync(nvidia)
    ? readdirSync(nvidia)
        .map((name) => join(nvidia, name, 'lib'))
        .filter((path) => existsSync(path))
    : [];
}

/** `env` with those folders behind what it names itself. */
export function withKeptLibraries(
  env: NodeJS.ProcessEnv = process.env,
  folders: readonly string[] = keptLibraryFolders(),
): NodeJS.ProcessEnv {
  if (folders.length === 0) return env;
  const own = env['LD_LIBRARY_PATH'];
  return { ...env, LD_LIBRARY_PATH: [...(own === undefined || own === '' ? [] : [own]), ...folders].join(':') };
}

/** What stands between this machine and CUDA, and what to do about it. */
export interface Obstacle {
  readonly reason: string;
  readonly fix: string;
}

/** What is looked at; tests give their own. */
export interface CudaSurroundings {
  readonly platform: string;
  readonly folder: string;
  /** Libraries that a library needs, by name, with the file that is loaded for each; `undefined` where there is none. */
  readonly needs: (library: string) => Promise<ReadonlyMap<string, string | undefined>>;
  readonly loads: (library: string) => boolean;
  readonly gpus: () => Promise<readonly Gpu[]>;
  readonly looksLikeGpu: () => Promise<boolean>;
}

const HERE: CudaSurroundings = {
  platform: `${process.platform}-${process.arch}`,
  get folder() {
    return onnxruntimeFolder();
  },
  needs: linkedLibraries,
  loads: canLoad,
  gpus: listGpus,
  looksLikeGpu,
};

const INSTALL = 'Lay the provider beside onnxruntime: showtell engine install onnx-cuda.';
const IMAGE = 'docs/gpu.md names container images that have them, and showtell engine install onnx-cuda --libraries fetches them.';
const NO_DRIVER = 'Install the NVIDIA driver of this machine; in a container, give it the GPUs (docker run --gpus all).';

/**
 * Everything that keeps onnxruntime from CUDA here, as far as can be seen without trying: onnxruntime itself names only the first
 * library that it misses, and that in its log alone.
 */
export async function cudaObstacles(surroundings: CudaSurroundings = HERE): Promise<Obstacle[]> {
  const { platform, folder, needs, loads } = surroundings;
  if (platform !== 'linux-x64')
    return [{ reason: `onnxruntime-node has a CUDA provider for linux-x64 only, and this is ${platform}`, fix: 'Take --device cpu.' }];
  const absent = PROVIDER_FILES.filter((file) => !existsSync(join(folder, file)));
  if (absent.length > 0) {
    const provider = { reason: `onnxruntime's CUDA provider is not here: ${absent.join(' and ')} in ${folder}`, fix: INSTALL };
    return (await surroundings.looksLikeGpu()) ? [provider] : [provider, { reason: 'no NVIDIA GPU or driver can be seen', fix: NO_DRIVER }];
  }
  const linked = await needs(join(folder, PROVIDER_FILES[1]));
  const missing = [...linked].flatMap(([name, file]) => (file === undefined && name !== DRIVER ? [name] : []));
  if (linked.size > 0 && !loads(CUDNN)) missing.push(CUDNN);
  const obstacles: Obstacle[] = [];
  if (linked.has(DRIVER) && linked.get(DRIVER) === undefined)
    obstacles.push({ reason: `there is no NVIDIA driver (${DRIVER} is not found)`, fix: NO_DRIVER });
  if (missing.length > 0)
    obstacles.push({
      reason: `libraries of CUDA or cuDNN are not found: ${missing.join(', ')}`,
      fix: `Put these libraries on LD_LIBRARY_PATH; ${IMAGE}`,
    });
  return obstacles;
}

/** Why trying CUDA would be in vain; `undefined` where a GPU can be seen and nothing is in the way. */
export async function whyNotCuda(surroundings: CudaSurroundings = HERE): Promise<string | undefined> {
  if (!(await surroundings.looksLikeGpu())) return 'no NVIDIA GPU can be seen';
  const obstacles = await cudaObstacles(surroundings);
  return obstacles.length === 0 ? undefined : obstacles.map(({ reason }) => reason).join('; ');
}

/** @throws ShowtellError `DEVICE_UNAVAILABLE` with everything that is in the way. */
export async function checkCuda(device: string, surroundings: CudaSurroundings = HERE): Promise<void> {
  const obstacles = await cudaObstacles(surroundings);
  if (obstacles.length === 0) return;
  throw new ShowtellError('DEVICE_UNAVAILABLE', `onnxruntime cannot use ${device}: ${obstacles.map(({ reason }) => reason).join('; ')}`, {
    hint: `${obstacles.map(({ fix }) => fix).join(' ')} --device auto takes the CPU where there is no GPU.`,
  });
}

/** How onnxruntime, CUDA and cuDNN word it, and what it means. */
const FAILURES: readonly (readonly [RegExp, (gpus: readonly Gpu[], device: `cuda:${number}`) => Obstacle])[] = [
  [
    /CUDA failure 35\b|driver version is insufficient/i,
    ([gpu]) => ({
      reason: gpu ? `the NVIDIA driver ${gpu.driver} is too old for this CUDA` : 'there is no NVIDIA driver, or one too old for this CUDA',
      fix: 'Install a newer driver (docs/gpu.md says which); or a provider built for an older CUDA.',
    }),
  ],
  [/CUDA failure 100\b|no CUDA-capable device/i, () => ({ reason: 'CUDA sees no GPU', fix: `Look at CUDA_VISIBLE_DEVICES. ${NO_DRIVER}` })],
  [
    /CUDA failure 101\b|invalid device ordinal|Invalid device/i,
    (gpus, device) => ({
      reason: `there is no GPU ${cudaIndex(device)}; nvidia-smi lists ${gpus.length === 0 ? 'none' : `only ${listed(gpus)}`}`,
      fix: 'Choose one of them: --device cuda:<number>. CUDA_VISIBLE_DEVICES hides others.',
    }),
  ],
  [
    /CUDA failure 209\b|no kernel image/i,
    ([gpu]) => ({
      reason: `${gpu?.name ?? 'this GPU'} is of a generation that this onnxruntime was not built for`,
      fix: 'Take a provider built for another CUDA (docs/gpu.md), or --device cpu.',
    }),
  ],
  [
    /cudnn.*(unavailable|not found|NOT_INITIALIZED|VERSION)|CUDNN failure/i,
    () => ({ reason: 'cuDNN 9 is missing or is of another version', fix: `Put libcudnn.so.9 on LD_LIBRARY_PATH; ${IMAGE}` }),
  ],
  [
    /assigned to the default CPU EP/i,
    () => ({
      reason: 'some operators of the encoder have no CUDA kernel and would run on the CPU',
      fix: 'Take --device cpu, or another precision.',
    }),
  ],
];

/** What went wrong when a session was opened on CUDA. @returns `DEVICE_UNAVAILABLE`; onnxruntime's own words are its cause. */
export async function cudaFailure(
  cause: Error,
  device: `cuda:${number}`,
  gpus: () => Promise<readonly Gpu[]> = listGpus,
): Promise<ShowtellError> {
  const found = FAILURES.find(([pattern]) => pattern.test(cause.message))?.[1];
  const obstacle: Obstacle = isOutOfMemory(cause)
    ? { reason: 'its memory is full', fix: 'See with nvidia-smi who holds it.' }
    : (found?.(await gpus(), device) ?? { reason: firstLine(cause.message), fix: 'docs/gpu.md says what is needed.' });
  return new ShowtellError('DEVICE_UNAVAILABLE', `onnxruntime cannot use ${device}: ${obstacle.reason}`, { cause, hint: obstacle.fix });
}

/** Whether a run failed because the device has no memory left: with fewer images at once it may succeed. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && OUT_OF_MEMORY.test(error.message);
}
/** onnxruntime's arena; CUDA's own (2); cuBLAS' and cuDNN's when they find no room for a workspace. */
const OUT_OF_MEMORY =
  /Failed to allocate memory for requested buffer|CUDA failure 2\b|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED|bad_alloc/i;

/** The versions that commit records name: of CUDA and cuDNN as their libraries are called, and of the driver. */
export async function cudaVersions({ driver }: Pick<Gpu, 'driver'> = { driver: 'unknown' }): Promise<Record<string, string>> {
  const linked = await linkedLibraries(join(onnxruntimeFolder(), PROVIDER_FILES[1]));
  const runtime = [...linked.keys()].flatMap((name) => /^libcudart\.so\.(\d+)/.exec(name)?.[1] ?? [])[0];
  return { ...(runtime !== undefined && { cuda: runtime }), cudnn: CUDNN.split('.').at(-1)!, driver };
}

const listed = (gpus: readonly Gpu[]) => gpus.map(({ index, name }) => `${index} (${name})`).join(', ');
const firstLine = (text: string) => text.trim().split('\n')[0]!.slice(0, 500);

/** What `ldd` says. Where there is no ldd, nothing is known and onnxruntime must say itself what it misses. */
export async function linkedLibraries(library: string, env: NodeJS.ProcessEnv = process.env): Promise<Map<string, string | undefined>> {
  const { stdout } = await promisify(execFile)('ldd', [library], { env }).catch(() => ({ stdout: '' }));
  return new Map(
    [...stdout.matchAll(/^\s*(\S+) => (not found|\S+)/gm)].map(([, name, file]) => [name!, file === 'not found' ? undefined : file]),
  );
}

/** Whether the loader finds a library of that name. Node refuses whatever is no addon, but only once it is loaded. */
function canLoad(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    return !/cannot open shared object file/.test((error as Error).message);
  }
}
