import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { listed } from '../listed';

export interface RetryFlags {
  /** True when no codes were named. */
  readonly rejected?: true | string[];
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
}

export function retryCommand(shutdown: Shutdown): Command {
  return new Command('retry')
    .description('Add jobs that failed for good again; with --rejected encode shards again of which photos were rejected')
    .argument('<run>', "the run's name")
    .option(
      '--rejected [reasons]',
      'also shards with rejected photos, by reason, with commas (default: any); each is encoded as a whole',
      reasons,
    )
    .option('--dry-run', 'list what would be done, and what it costs')
    .option('--wait', 'stay until the run is complete')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell retry coco-val-1a2b3c4d\n  $ showtell retry coco-val-1a2b3c4d --rejected MISSING_IMAGE,TRUNCATED --dry-run\n',
    )
    .action(async (run: string, flags: RetryFlags, command: Command) => {
      const [{ openContext }, { retry }] = await Promise.all([import('../context.js'), import('../retry/retry-run.js')]);
      await retry(openContext(command, shutdown), run, flags);
    });
}

const reasons = (text: string, before: true | string[] | undefined) => listed(text, Array.isArray(before) ? before : []);
