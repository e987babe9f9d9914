import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ShowtellError } from '@showtell/shared/errors';
import type { Flavour } from '@showtell/shared/tensorflow/bindings';
import { findProgram } from '../local/redis';
import { runProgram } from './run-program';

/** The newest TensorFlow that TensorFlow.js' addon is known to work with. */
export const WHEEL_VERSION = '2.21.0';
const WHEELS: Readonly<Record<Flavour, string>> = { cpu: 'tensorflow-cpu', gpu: 'tensorflow' };
const LEAST_GLIBC: readonly [number, number] = [2, 27];

/**
 * Where pip runs: of modules that lie in its working folder, such as a `pip.py` in that of a dataset, Python takes what it asks for before
 * its own. Programs of ours run without that folder (`-I`); pip does not, for it may be installed for its user alone.
 */
const NOBODYS_FOLDER = '/';

/** Nothing in the wheel is Python's own that we take, so one of any Python serves. */
const ANY_PYTHON = ['--only-binary=:all:', '--python-version', '3.12', '--implementation', 'cp', '--abi', 'cp312', '--abi', 'none'];
const PLATFORMS = [
  'manylinux_2_28',
  'manylinux_2_27',
  'manylinux_2_17',
  'manylinux2014',
  'manylinux_2_12',
  'manylinux2010',
  'manylinux1',
].flatMap((name) => ['--platform', `${name}_x86_64`]);

/**
 * Downloads TensorFlow's wheel from PyPI (for GPUs also the CUDA libraries that it names) and takes the libraries and the C headers out of it:
 * `target/tensorflow/*.so.2`, `target/tensorflow/include`, `target/nvidia`.
 * @param wheels folder for downloads; those that are whole are not fetched again.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` where the machine has not what it takes, `DOWNLOAD_FAILED`.
 */
export async function fetchWheel(flavour: Flavour, wheels: string, target: string, signal: AbortSignal): Promise<void> {
  checkPlatform();
  const python = await findPython();
  const download = (requirements: readonly string[]) => pipDownload(python, wheels, requirements, signal);
  await download([`${WHEELS[flavour]}==${WHEEL_VERSION}`]);
  if (flavour === 'gpu') await download(await cudaRequirements(python, wheels));
  await runProgram(python, ['-I', '-c', UNPACK, wheels, target], { signal }).catch((cause: Error) => {
    signal.throwIfAborted();
    const full = cause.message.includes('No space left');
    throw new ShowtellError(full ? 'DISK_FULL' : 'DOWNLOAD_FAILED', `The wheels in ${wheels} cannot be unpacked: ${cause.message}`, {
      cause,
      hint: full
        ? 'Make room on that disk and do the same again, or name another folder with --dir.'
        : `Delete ${wheels} and do the same again.`,
    });
  });
}

/** Downloads wheels as pip's own settings say, without what they ask for. @throws ShowtellError `DOWNLOAD_FAILED`. */
export async function pipDownload(python: string, wheels: string, requirements: readonly string[], signal: AbortSignal): Promise<void> {
  const pip = ['-m', 'pip', 'download', '--no-deps', '--disable-pip-version-check', '--dest', resolve(wheels), ...ANY_PYTHON, ...PLATFORMS];
  await runProgram(python, [...pip, ...requirements], { cwd: NOBODYS_FOLDER, signal }).catch((cause: Error) => {
    signal.throwIfAborted();
    throw new ShowtellError('DOWNLOAD_FAILED', `pip could not download ${requirements.join(', ')}: ${cause.message}`, {
      cause,
      hint: 'Run it again: what was downloaded whole is kept. Behind a mirror of PyPI set PIP_INDEX_URL.',
    });
  });
}

/** PyPI's wheels are for glibc; TensorFlow.js' addon is built for x64. */
function checkPlatform(): void {
  const { glibcVersionRuntime: glibc } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
  const [major = 0, minor = 0] = (glibc ?? '0').split('.').map(Number);
  const old = major < LEAST_GLIBC[0] || (major === LEAST_GLIBC[0] && minor < LEAST_GLIBC[1]);
  if (process.platform === 'linux' && process.arch === 'x64' && !old) return;
  const here = `${process.platform}-${process.arch}${process.platform !== 'linux' ? '' : glibc === undefined ? ' without glibc' : ` with glibc ${glibc}`}`;
  throw new ShowtellError(
    'DEVICE_UNAVAILABLE',
    `Expected Linux on x64 with glibc ${LEAST_GLIBC.join('.')} or newer for PyPI's TensorFlow but received ${here}`,
    { hint: 'The engine onnx runs on this machine; --engine tensorflow --device wasm does too, slowly.' },
  );
}

export async function findPython(): Promise<string> {
  const { PYTHON: named } = process.env;
  const python = named?.includes('/') ? resolve(named) : (named ?? findProgram(['python3', 'python']));
  const hint =
    'Install Python 3 with pip (Debian, Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip); the variable PYTHON names another one.';
  if (python === undefined)
    throw new ShowtellError('DEVICE_UNAVAILABLE', 'There is no python3, whose pip downloads what is needed', { hint });
  try {
    await promisify(execFile)(python, ['-m', 'pip', '--version'], { cwd: NOBODYS_FOLDER });
  } catch (cause) {
    throw new ShowtellError('DEVICE_UNAVAILABLE', `${python} has no pip, which downloads what is needed`, { cause, hint });
  }
  return python;
}

/** What the wheel itself asks for under `tensorflow[and-cuda]`. */
async function cudaRequirements(python: string, wheels: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(python, ['-I', '-c', REQUIREMENTS, join(wheels), WHEEL_VERSION]);
  const requirements = stdout.trim().split('\n');
  if (!requirements[0]?.startsWith('nvidia-')) throw new Error(`The wheel of tensorflow ${WHEEL_VERSION} names no CUDA libraries`);
  return requirements;
}

const REQUIREMENTS = `
import glob, re, sys, zipfile
folder, version = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(f'{folder}/tensorflow-{version}-*.whl')[0])
for line in wheel.read(f'tensorflow-{version}.dist-info/METADATA').decode().splitlines():
    match = re.match(r'Requires-Dist: (nvidia-[^;]+);.*and-cuda', line)
    if match: print(match.group(1).strip())
`;

/** zipfile drops the mode of files, and nvcc's are programs. */
const UNPACK = `
import glob, os, sys, zipfile
wheels, target = sys.argv[1:]
libraries = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2')
headers = ('tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/ctstring',
           'tensorflow/include/tsl/platform/ctstring', 'tensorflow/include/xla/tsl/c/')
for path in glob.glob(wheels + '/*.whl'):
    wheel = zipfile.ZipFile(path)
    for name in wheel.namelist():
        if name in libraries or name.startswith(headers) or (
                name.startswith('nvidia/') and not name.endswith(('.h', '.hpp', '.py', '.a', '/'))):
            wheel.extract(name, target)
            if '/bin/' in name: os.chmod(os.path.join(target, name), 0o755)
`;
