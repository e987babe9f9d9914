import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256 } from '@showtell/shared/hash';

const run = promisify(execFile);
const OUTPUT_BYTES = 64 * 2 ** 20;

export const PEERS = join(__dirname, '..', 'peers');

/** What is kept from one bench to the next: Python environments, compiled kernels. `$SHOWTELL_BENCH_CACHE`, or the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['SHOWTELL_BENCH_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'showtell-bench');
}

/**
 * The Python of a virtual environment with what `peers/<name>.txt` pins, made at first. `$PYTHON` says which Python makes it
 * (default `python3`); pip takes packages from where it is set up to.
 * @throws Error that says in one line why there is none.
 */
export async function pythonEnvironment(name: string, announce: (text: string) => void): Promise<string> {
  const base = process.env['PYTHON'] ?? 'python3';
  const version = await run(base, ['-c', 'import sys; print(sys.version)']).catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? `there is no ${base} on this machine` : `${base} does not run: ${error.message}`);
  });
  const requirements = join(PEERS, `${name}.txt`);
  const identity = sha256(Buffer.from(`${version.stdout}\n${readFileSync(requirements, 'utf8')}`)).slice(0, 10);
  const folder = join(cacheFolder(), `${name}-${identity}`);
  const python = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return python;

  announce(`Installing ${readFileSync(requirements, 'utf8').trim().split('\n').join(', ')} into ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(cacheFolder(), { recursive: true });
  try {
    await run(base, ['-m', 'venv', folder]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements], { maxBuffer: OUTPUT_BYTES });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    throw new Error(`its packages cannot be installed: ${said || (error as Error).message}`, { cause: error });
  }
  writeFileSync(complete, '');
  return python;
}
