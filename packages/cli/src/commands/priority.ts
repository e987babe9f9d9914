import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { priorityNumber } from '../priority-flag';

export function priorityCommand(shutdown: Shutdown): Command {
  return new Command('priority')
    .description('Change the share of the workers that a run gets, while it runs: one of 20 gets two shards done to every one of 10')
    .argument('<run>', "the run's name")
    .argument('<n>', 'from 1 to 100; a run has 10 unless it was given another', priorityNumber)
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  $ showtell priority coco-val-1a2b3c4d 40\n')
    .action(async (run: string, priority: number, { json = false }: { json?: boolean }, command: Command) => {
      const [{ openContext }, { changePriority }] = await Promise.all([import('../context.js'), import('../control/control-run.js')]);
      await changePriority(openContext(command, shutdown), { run, priority, json });
    });
}
