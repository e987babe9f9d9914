import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { duration } from '../duration';

export interface GcFlags {
  readonly delete?: boolean;
  /** Seconds. */
  readonly olderThan?: number;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function gcCommand(shutdown: Shutdown): Command {
  return new Command('gc')
    .description('List what nothing in the store refers to, or delete it; exit code 6 when a record cannot be read')
    .option('--delete', 'delete what is listed')
    .option('--older-than <time>', "take nothing younger, by the store's own clock: 24h, 3d (default: 24h)", duration)
    .option('--force', 'allow less than 24 h, when nothing is writing to the store')
    .option('--json', 'print the report as JSON, with every object')
    .addHelpText('after', '\nExamples:\n  $ showtell gc\n  $ showtell gc --older-than 7d --delete\n')
    .action(async (flags: GcFlags, command: Command) => {
      const [{ openContext }, { showGarbage }] = await Promise.all([import('../context.js'), import('../gc/show-garbage.js')]);
      await showGarbage(openContext(command, shutdown), flags);
    });
}
