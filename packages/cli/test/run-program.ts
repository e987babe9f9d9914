import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const PROGRAM = join(__dirname, '..', 'bin', 'showtell.js');
/** A command that hangs is a failure; the longest one here computes for some seconds. */
const DEADLINE_MILLISECONDS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs the real program as a user would, without the tester's own settings. */
export function runProgram(args: readonly string[], options: RunOptions): Promise<Ended> {
  return ended(startProgram(args, options));
}

export function startProgram(args: readonly string[], { cwd, env = {} }: RunOptions): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], { cwd, env: { ...cleanEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export function ended(child: ChildProcess): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]!.on('data', (data: Buffer) => (output[name] += data.toString()));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`showtell did not end within ${DEADLINE_MILLISECONDS / 1_000} s:\n${output.stdout}${output.stderr}`));
    }, DEADLINE_MILLISECONDS);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...output });
    });
  });
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const foreign = /^(SHOWTELL_|AWS_|S3_ENDPOINT$|REDIS_URL$|FORCE_COLOR$)/;
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))), NO_COLOR: '1' };
}

/** One message: a code, what happened, and at most a hint below; no stack. */
export function expectOneMessage(stderr: string, code = '[A-Z_0-9]+'): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines[0]).toMatch(new RegExp(`^${code}: .`));
  expect(lines.slice(1).filter((line) => !line.startsWith('  '))).toEqual([]);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
}
