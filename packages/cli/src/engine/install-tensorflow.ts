import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { localFileError } from '@showtell/shared/local-file-error';
import { makeFolder } from '@showtell/shared/make-folder';
import {
  type Flavour,
  INSTALL_RECORD,
  type InstallRecord,
  javascriptHalf,
  PACKAGES,
  readInstall,
} from '@showtell/shared/tensorflow/bindings';
import { type SmokeTest, smokeTest } from './smoke-test';
import { compileAddon, findCompiler } from './tensorflow-addon';
import { installPackage } from './tensorflow-package';
import { fetchWheel, WHEEL_VERSION } from './tensorflow-wheel';

export type Origin = InstallRecord['from'];

export interface InstallOptions {
  /** Where TensorFlow is kept: one folder below it for each flavour. */
  readonly folder: string;
  readonly flavour: Flavour;
  /** Default: the npm package's own install script, else PyPI's wheel. */
  readonly from?: Origin | undefined;
  /** Told what is being done. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Installed extends SmokeTest {
  readonly path: string;
  readonly from: Origin;
  /** Whether it was there already. */
  readonly kept: boolean;
}

/** Made in a folder of this name and the process's id, which becomes `folder/<flavour>` when it is whole and proven. */
const PARTIAL = '.partial-';

/**
 * Makes TensorFlow run on this machine, outside `node_modules`, where `loadTensorflow` finds it. What is there already and works is left as it is.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` where the machine has not what it takes, `DOWNLOAD_FAILED`, `DISK_FULL`, `FILE_DENIED`; then nothing has changed.
 */
export async function installTensorflow({ folder: given, flavour, from, say, signal }: InstallOptions): Promise<Installed> {
  const folder = resolve(given);
  const javascript = javascriptHalf();
  if (javascript === undefined)
    throw new ShowtellError('DEVICE_UNAVAILABLE', `The npm package ${PACKAGES.gpu} is not installed, which drives TensorFlow`, {
      hint: 'It is an optional dependency: run npm ci again, without --omit=optional.',
    });
  const there = await checkThere(folder, flavour, from, javascript.version, say, signal);
  if (there !== undefined) return there;

  const inFolder = (error: unknown) => localFileError(error, 'keep TensorFlow in', folder);
  await makeFolder(folder).catch((error: unknown) => Promise.reject(inFolder(error)));
  await removeAbandoned(folder);
  const failures: ShowtellError[] = [];
  for (const origin of from === undefined ? (['package', 'wheel'] as const) : [from])
    try {
      return await installFrom(origin, { folder, flavour, javascript, say, signal });
    } catch (thrown) {
      const error = inFolder(thrown);
      if (!isShowtellError(error)) throw error;
      failures.push(error);
      say(`${ORIGINS[origin]}: ${error.message}`);
    }
  const last = failures.at(-1)!;
  const message = failures.map((failure) => failure.message).join('; and ');
  throw new ShowtellError(last.code, `TensorFlow could not be installed: ${message}`, {
    cause: last,
    ...(last.hint !== undefined && { hint: last.hint }),
  });
}

const ORIGINS: Readonly<Record<Origin, string>> = {
  package: 'the install script of the npm package',
  wheel: `PyPI's TensorFlow ${WHEEL_VERSION}`,
};

async function checkThere(
  folder: string,
  flavour: Flavour,
  from: Origin | undefined,
  version: string,
  say: InstallOptions['say'],
  signal: AbortSignal,
): Promise<Installed | undefined> {
  const path = join(folder, flavour);
  const record = readInstall(path);
  if (record === undefined || record.tfjs !== version || (from !== undefined && record.from !== from)) return undefined;
  try {
    return { ...(await smokeTest(folder, flavour, signal)), path, from: record.from, kept: true };
  } catch (error) {
    signal.throwIfAborted();
    say(`what is in ${path} does not work: ${(error as Error).message}`);
    return undefined;
  }
}

interface Making extends Pick<InstallOptions, 'folder' | 'flavour' | 'say' | 'signal'> {
  readonly javascript: { readonly folder: string; readonly version: string };
}

async function installFrom(origin: Origin, { folder, flavour, javascript, say, signal }: Making): Promise<Installed> {
  const partial = join(folder, `${PARTIAL}${process.pid}`);
  const made = join(partial, flavour);
  const wheels = join(folder, `wheels-${flavour}`);
  try {
    await makeFolder(made);
    const binding = origin === 'package' ? await fromPackage() : await fromWheel();
    const record = (tensorflow: string) =>
      writeFile(
        join(made, INSTALL_RECORD),
        `${JSON.stringify({ format: 1, tfjs: javascript.version, tensorflow, from: origin, binding } satisfies InstallRecord, null, 2)}\n`,
      );
    await record('not yet loaded');
    say('comparing with the engine onnx');
    const tested = await smokeTest(partial, flavour, signal);
    await record(tested.description.versions['tensorflow']!);
    signal.throwIfAborted();
    const path = join(folder, flavour);
    await rm(path, { recursive: true, force: true });
    await rename(made, path);
    await rm(wheels, { recursive: true, force: true });
    return { ...tested, path, from: origin, kept: false };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }

  async function fromPackage(): Promise<string> {
    say(`${ORIGINS.package}: downloading libtensorflow`);
    return installPackage(javascript.folder, flavour, made, signal);
  }

  async function fromWheel(): Promise<string> {
    findCompiler();
    say(`${ORIGINS.wheel}: downloading it${flavour === 'gpu' ? ' and the CUDA libraries (3.4 GB in all)' : ' (270 MB)'}`);
    await makeFolder(wheels);
    await fetchWheel(flavour, wheels, made, signal);
    say('compiling the addon');
    return compileAddon(javascript.folder, made, signal);
  }
}

/** What an install that was killed left half made. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(PARTIAL) ? Number(name.slice(PARTIAL.length)) : undefined;
    if (pid !== undefined && !isRunning(pid)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
