import { EXIT } from '@showtell/shared/errors';
import { localFileError } from '@showtell/shared/local-file-error';
import { Shutdown } from '@showtell/shared/shutdown';
import { CommanderError } from 'commander';
import { describeFailure } from './describe-failure';
import { createProgram } from './program';

/** Runs one command line. The only place that prints errors and decides exit codes. */
async function main(): Promise<void> {
  const shutdown = new Shutdown().handleSignals();
  process.once('SIGHUP', () => shutdown.request('The terminal was closed'));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`showtell status | head`) is no failure.
    if (error.code === 'EPIPE') process.exit(EXIT.DONE);
    const { text, exitCode } = describeFailure(localFileError(error, 'write to', 'standard output'));
    process.stderr.write(text, () => process.exit(exitCode));
  });
  // Whom should it be told? What a command does, it does all the same.
  process.stderr.on('error', () => {});
  let failure: unknown;
  try {
    await createProgram(shutdown).parseAsync(process.argv.length > 2 ? process.argv : [...process.argv, '--help']);
  } catch (error) {
    failure = error;
  }
  await shutdown.run();
  // Help and version end by an exception too, after they were printed.
  if (failure === undefined || (failure instanceof CommanderError && failure.exitCode === 0)) return;
  const { text, exitCode } = describeFailure(failure);
  process.exitCode = exitCode;
  // What the failed command left open (a connection that hangs, a timer) must not keep the program from ending.
  process.stderr.write(text, () => process.exit(exitCode));
}

void main();
