import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export interface RmFlags {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly withoutRedis?: boolean;
  readonly json?: boolean;
}

export function rmCommand(shutdown: Shutdown): Command {
  return new Command('rm')
    .description('Remove a run with all it holds, unless another run or a training refers to it; weights are left to gc')
    .argument('<run>', "the run's name")
    .option('--yes', 'do not ask; must be said where nobody can answer')
    .option('--dry-run', 'say what would be removed, and remove nothing')
    .option('--without-redis', 'remove its objects only; for a store whose Redis is gone and that no worker is at')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExamples:\n  $ showtell rm synthetic-200-32ed23f8\n  $ showtell rm coco-try --yes\n')
    .action(async (run: string, flags: RmFlags, command: Command) => {
      const [{ openContext }, { removeWithWord }] = await Promise.all([import('../context.js'), import('../rm/remove-with-word.js')]);
      await removeWithWord(openContext(command, shutdown), run, flags);
    });
}
