import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export interface RmFlags {
  readonly training?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly withoutRedis?: boolean;
  readonly json?: boolean;
}

export function rmCommand(shutdown: Shutdown): Command {
  return new Command('rm')
    .description('Remove a run or training with all it holds, unless another one refers to it; encoder weights are left to gc')
    .argument('<name>', 'of a run')
    .option('--training', 'the name is of a training')
    .option('--yes', 'do not ask; must be said where nobody can answer')
    .option('--dry-run', 'say what would be removed, and remove nothing')
    .option('--without-redis', 'remove its objects only; for a store whose Redis is gone and that no worker is at')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell rm synthetic-200-32ed23f8\n  $ showtell rm coco-try --yes\n  $ showtell rm --training f8\n',
    )
    .action(async (name: string, flags: RmFlags, command: Command) => {
      const [{ openContext }, { removeByWord }] = await Promise.all([import('../context.js'), import('../rm/remove-by-word.js')]);
      await removeByWord(openContext(command, shutdown), name, flags);
    });
}
