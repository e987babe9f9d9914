import { existsSync } from 'node:fs';
import { copyFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { probeEngineProcess } from '@showtell/encoder-worker/engine-process';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { makeFolder } from '@showtell/shared/make-folder';
import { keptCudaFolder, onnxruntimeFolder, onnxruntimeNodeVersion, PROVIDER_FILES } from '@showtell/shared/onnx/cuda';
import { runProgram } from './run-program';
import { findPython, pipDownload } from './tensorflow-wheel';

export interface OnnxCudaOptions {
  /** Also the libraries of CUDA and cuDNN, for machines that have the driver alone. */
  readonly libraries: boolean;
  /** Told what is being done. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Where it is kept; tests give their own. */
  readonly folder?: string;
  /** The folder of onnxruntime's library. */
  readonly beside?: string;
  readonly download?: typeof pipDownload;
}

export interface InstalledOnnxCuda {
  /** Where it is kept. */
  readonly folder: string;
  /** The GPU that a session was opened on, or what keeps this machine from it. */
  readonly gpu: { readonly name: string } | { readonly error: ShowtellError };
}

/** What the wheel asks for under `[cuda,cudnn]`, with cuBLAS, which cuDNN asks for: of CUDA 13, as the wheel is. */
const LIBRARIES = [
  'nvidia-cuda-runtime~=13.0',
  'nvidia-cuda-nvrtc~=13.0',
  'nvidia-cublas~=13.0',
  'nvidia-cufft~=12.0',
  'nvidia-curand~=10.0',
  'nvidia-cudnn-cu13~=9.0',
];

/**
 * Lays onnxruntime's CUDA provider, out of PyPI's wheel of the same version, beside onnxruntime-node's own library. It is kept outside
 * `node_modules`: after `npm ci`, running it again only links it. Then tries it.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` on another kind of machine or without Python, `DOWNLOAD_FAILED`.
 */
export async function installOnnxCuda({ libraries, say, signal, ...options }: OnnxCudaOptions): Promise<InstalledOnnxCuda> {
  const { folder = keptCudaFolder(), beside = onnxruntimeFolder(), download = pipDownload } = options;
  if (`${process.platform}-${process.arch}` !== 'linux-x64')
    throw new ShowtellError(
      'DEVICE_UNAVAILABLE',
      `onnxruntime-node computes on CUDA on linux-x64 only, not on ${process.platform}-${process.arch}`,
    );
  const version = onnxruntimeNodeVersion();
  if (PROVIDER_FILES.every((file) => existsSync(join(folder, file)))) say(`The provider ${version} is kept in ${folder}`);
  else await fetchInto(folder, [`onnxruntime-gpu==${version}`], UNPACK_PROVIDER, download, signal);
  if (libraries && !existsSync(join(folder, 'nvidia'))) await fetchInto(folder, LIBRARIES, UNPACK_LIBRARIES, download, signal);
  for (const file of PROVIDER_FILES) await layBeside(join(folder, file), join(beside, file));
  try {
    const { deviceName } = await probeEngineProcess({ engine: 'onnx', precision: 'float32', device: 'cuda:0', threads: 1, signal });
    return { folder, gpu: { name: deviceName } };
  } catch (error) {
    if (!isShowtellError(error, 'DEVICE_UNAVAILABLE')) throw error;
    return { folder, gpu: { error } };
  }
}

/** What is unpacked appears in `folder` whole or not at all. */
async function fetchInto(
  folder: string,
  requirements: readonly string[],
  unpack: string,
  download: typeof pipDownload,
  signal: AbortSignal,
): Promise<void> {
  const python = await findPython();
  const partial = join(folder, `.partial-${process.pid}`);
  try {
    await makeFolder(join(partial, 'wheels'));
    await download(python, join(partial, 'wheels'), requirements, signal);
    await runProgram(python, ['-I', '-c', unpack, join(partial, 'wheels'), join(partial, 'whole')], { signal });
    for (const name of await readdir(join(partial, 'whole'))) await rename(join(partial, 'whole', name), join(folder, name));
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** A link, or a copy where the file system has none. What is there already was an older one, or the same. */
async function layBeside(kept: string, path: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await symlink(kept, temporary).catch(() => copyFile(kept, temporary));
    await rename(temporary, path);
  } catch (cause) {
    throw new ShowtellError('DEVICE_UNAVAILABLE', `${path} cannot be written: ${(cause as Error).message}`, {
      cause,
      hint: 'Run it as the user who ran npm ci.',
    });
  }
}

const UNPACK_PROVIDER = `
import glob, os, sys, zipfile
wheels, target = sys.argv[1:]
os.makedirs(target)
wheel = zipfile.ZipFile(glob.glob(wheels + '/onnxruntime_gpu-*.whl')[0])
for name in ('libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'):
    with wheel.open('onnxruntime/capi/' + name) as source, open(os.path.join(target, name), 'wb') as file:
        while block := source.read(1 << 20): file.write(block)
`;

const UNPACK_LIBRARIES = `
import glob, sys, zipfile
wheels, target = sys.argv[1:]
for path in glob.glob(wheels + '/*.whl'):
    wheel = zipfile.ZipFile(path)
    for name in wheel.namelist():
        if name.startswith('nvidia/') and '.so' in name: wheel.extract(name, target)
`;
