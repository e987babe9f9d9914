import { createInterface } from 'node:readline/promises';
import { ShowtellError } from '@showtell/shared/errors';

/**
 * Has the reader type the name of what is to be removed.
 * @throws ShowtellError `USAGE` when it is another, or nobody sits at a terminal.
 */
export async function askName(what: string, name: string, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY)
    throw new ShowtellError('USAGE', `Expected --yes to remove the ${what} ${name}: there is no terminal to ask at`, {
      hint: 'Say --dry-run to see what would be removed.',
    });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // On a terminal in this mode Ctrl-C is no signal to the process.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    const typed = await terminal.question(`Type the ${what}'s name to remove it: `, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    if (typed.trim() !== name)
      throw new ShowtellError('USAGE', `Expected ${name} but received ${JSON.stringify(typed.trim())}: nothing was removed`);
  } finally {
    terminal.close();
  }
}
