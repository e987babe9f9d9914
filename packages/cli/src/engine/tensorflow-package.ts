import { cp, readdir } from 'node:fs/promises';
import { delimiter, join, sep } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import type { Flavour } from '@showtell/shared/tensorflow/bindings';
import { runProgram } from './run-program';

/** Where the install script of TensorFlow.js 4.22 downloads from, unless its own variables name a mirror. */
const HOST = 'https://storage.googleapis.com/';
const PATIENCE_MS = 5_000;

/**
 * Runs the npm package's own install script, in a copy of it in `target/package`: it downloads libtensorflow and a compiled addon, or compiles one.
 * @param javascript folder of the npm package.
 * @returns the addon's path in `target`.
 * @throws ShowtellError `DOWNLOAD_FAILED`.
 */
export async function installPackage(javascript: string, flavour: Flavour, target: string, signal: AbortSignal): Promise<string> {
  await checkReachable(signal);
  const copy = join(target, 'package');
  await cp(javascript, copy, { recursive: true, filter: (path) => !/[\\/](?:deps|lib|build)$/.test(path.slice(javascript.length)) });
  // What it requires lies beside the original.
  const modules = javascript.slice(0, javascript.lastIndexOf(`${sep}node_modules${sep}`) + `${sep}node_modules`.length);
  const env = { ...process.env, NODE_PATH: modules, PATH: [join(modules, '.bin'), process.env['PATH']].join(delimiter) };
  const failed = (why: string, cause?: Error) =>
    new ShowtellError('DOWNLOAD_FAILED', `The install script of ${javascript} failed: ${why}`, { ...(cause && { cause }) });
  await runProgram(process.execPath, [join('scripts', 'install.js'), flavour, 'download'], { cwd: copy, env, signal }).catch(
    (cause: Error) => {
      signal.throwIfAborted();
      throw failed(cause.message, cause);
    },
  );
  const addon = (await readdir(join(copy, 'lib'), { recursive: true }).catch(() => [])).find((path) => path.endsWith('tfjs_binding.node'));
  if (addon === undefined) throw failed('it left no addon');
  return join('package', 'lib', addon);
}

/** The script waits for ever where its server cannot be reached. */
async function checkReachable(signal: AbortSignal): Promise<void> {
  const { env } = process;
  const host = env['TFJS_NODE_BASE_URI'] ?? env['TFJS_NODE_CDN_STORAGE'] ?? env['CDN_STORAGE'] ?? HOST;
  await fetch(host, { method: 'HEAD', signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) }).catch((cause: Error) => {
    signal.throwIfAborted();
    const why = (cause.cause as Error | undefined)?.message ?? cause.message;
    throw new ShowtellError('DOWNLOAD_FAILED', `${new URL(host).host}, which has libtensorflow, cannot be reached: ${why}`, { cause });
  });
}
