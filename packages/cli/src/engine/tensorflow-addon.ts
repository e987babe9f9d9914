import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { findProgram } from '../local/redis';
import { runProgram } from './run-program';

/**
 * Compiles the addon of TensorFlow.js, as the npm package ships its sources, against the libraries in `folder/tensorflow`: `folder/<returned name>`.
 * N-API is the same on every Node.
 * @param javascript folder of the npm package.
 * @throws ShowtellError `DEVICE_UNAVAILABLE` where there is no compiler, or it fails.
 */
export async function compileAddon(javascript: string, folder: string, signal: AbortSignal): Promise<string> {
  const compiler = findCompiler();
  const name = 'tfjs_binding.node';
  const sources = join(javascript, 'binding');
  const libraries = join(folder, 'tensorflow');
  const includes = [
    join(dirname(require.resolve('node-api-headers/package.json')), 'include'),
    join(libraries, 'include'),
    javascript,
    sources,
  ];
  const flags = ['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', ...includes.map((path) => `-I${path}`)];
  const files = readdirSync(sources).flatMap((file) => (file.endsWith('.cc') ? [join(sources, file)] : []));
  const link = [`-L${libraries}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2', '-Wl,-s'];
  // Relative: the folder is moved once it is whole.
  const runPath = '-Wl,-rpath,$ORIGIN/tensorflow';
  await runProgram(compiler, [...flags, ...files, '-o', join(folder, name), ...link, runPath], { signal }).catch((cause: Error) => {
    signal.throwIfAborted();
    throw new ShowtellError('DEVICE_UNAVAILABLE', `${compiler} could not compile the addon of TensorFlow.js: ${cause.message}`, {
      cause,
      hint: 'It takes a C++17 compiler; the variable CXX names another one.',
    });
  });
  return name;
}

/** Looked for before anything is downloaded. */
export function findCompiler(): string {
  const compiler = process.env['CXX'] ?? findProgram(['g++', 'clang++', 'c++']);
  if (compiler !== undefined) return compiler;
  throw new ShowtellError('DEVICE_UNAVAILABLE', 'There is no C++ compiler, which the addon of TensorFlow.js takes', {
    hint: 'Install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++; Alpine has no TensorFlow); the variable CXX names another one.',
  });
}
