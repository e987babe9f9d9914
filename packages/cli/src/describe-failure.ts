import { inspect } from 'node:util';
import { EXIT, isShowtellError } from '@showtell/shared/errors';
import { isReply, redisError } from '@showtell/shared/queue/connection';
import { hideSecrets } from '@showtell/shared/secrets';
import pc from 'picocolors';
import { printable } from './output/printable';

const colors = pc.createColors(process.stderr.isTTY ? pc.isColorSupported : false);

/** What the reader sees of a failure, and the exit code that goes with it. Only what nobody expected shows a stack. */
export function describeFailure(failure: unknown): { readonly text: string; readonly exitCode: number } {
  // Whatever a command asks of Redis, Redis may refuse: to another role's user, or when it is full.
  const error = isReply(failure) ? redisError(failure, 'the address in REDIS_URL') : failure;
  if (isShowtellError(error)) {
    const hint = error.hint === undefined ? '' : `${colors.dim(`  ${error.hint}`)}\n`;
    return { text: printable(hideSecrets(`${colors.red(error.code)}: ${error.message}\n${hint}`)), exitCode: error.exitCode };
  }
  return {
    text: printable(
      hideSecrets(`${colors.red('BUG')}: ${inspect(error)}\n  This should not happen: please report it with the lines above.\n`),
    ),
    exitCode: EXIT.BUG,
  };
}
