import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function checkpointsCommand(shutdown: Shutdown): Command {
  return new Command('checkpoints')
    .description('List trainings, or the checkpoints of one with their losses and aliases')
    .argument('[training]', "a training's name (default: all trainings)")
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ showtell checkpoints\n  $ showtell checkpoints coco-seed --json\n')
    .action(async (training: string | undefined, { json = false }: { json?: boolean }, command: Command) => {
      const [{ openContext }, { showCheckpoints, showTrainings }] = await Promise.all([
        import('../context.js'),
        import('../show-checkpoints.js'),
      ]);
      const { store } = openContext(command, shutdown);
      await (training === undefined ? showTrainings(store, json) : showCheckpoints(store, training, json));
    });
}
