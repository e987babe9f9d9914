import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function cancelCommand(shutdown: Shutdown): Command {
  return new Command('cancel')
    .description('Stop one run at once; workers drop what they are at, what is committed stays, and it can be resumed')
    .argument('<run>', "the run's name")
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  $ showtell cancel coco-val-1a2b3c4d\n')
    .action(async (run: string, { json = false }: { json?: boolean }, command: Command) => {
      const [{ openContext }, { cancel }] = await Promise.all([import('../context.js'), import('../control/control-run.js')]);
      await cancel(openContext(command, shutdown), { run, json });
    });
}
