import { inspect } from 'node:util';
import { EXIT, isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { hideSecrets } from '@showtell/shared/secrets';
import { CommanderError } from 'commander';
import pc from 'picocolors';

const colors = pc.createColors(process.stderr.isTTY ? pc.isColorSupported : false);

/** What the reader sees of a failure, and the exit code that goes with it. Only what nobody expected shows a stack. */
export function describeFailure(failure: unknown): { readonly text: string; readonly exitCode: number } {
  const error = failure instanceof CommanderError ? usageError(failure) : failure;
  if (isShowtellError(error)) {
    const hint = error.hint === undefined ? '' : `${colors.dim(`  ${error.hint}`)}\n`;
    return { text: hideSecrets(`${colors.red(error.code)}: ${error.message}\n${hint}`), exitCode: error.exitCode };
  }
  return {
    text: hideSecrets(`${colors.red('BUG')}: ${inspect(error)}\n  This should not happen: please report it with the lines above.\n`),
    exitCode: EXIT.BUG,
  };
}

/** Commander's own words, such as `error: unknown command 'encod'` and `(Did you mean encode?)`, as one of our errors. */
function usageError({ code, message: words }: CommanderError): ShowtellError {
  const message = code === 'commander.help' ? 'The name of a command is missing' : words;
  return new ShowtellError('USAGE', capitalised(message.replace(/^error: /, '').replace(/\n\(/, ' (')), {
    hint: 'showtell --help lists the commands, showtell COMMAND --help the flags of one.',
  });
}

const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
