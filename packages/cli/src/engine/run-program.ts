import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Ends the program. */
  readonly signal: AbortSignal;
}

/** How much of what a program complains about is repeated in the error. */
const KEPT = 2_000;

/**
 * Runs a program to its end. What it says goes to standard error as it comes: standard output is for results.
 * @throws Error with the last line that it complained in, when it fails.
 */
export async function runProgram(program: string, args: readonly string[], { cwd, env, signal }: RunOptions): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 2, 'pipe'], signal });
  let complaints = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk);
    complaints = (complaints + chunk.toString()).slice(-KEPT);
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, killed) => resolve(code === 0 ? undefined : killed ? `it was ended by ${killed}` : `exit code ${code}`));
  });
  signal.throwIfAborted();
  if (failure === undefined) return;
  const line = complaints
    .trim()
    .split('\n')
    .findLast((text) => /error|fail|cannot|denied|space/i.test(text))
    ?.trim();
  throw new Error(line === undefined ? failure : `${line} (${failure})`);
}
