import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function pauseCommand(shutdown: Shutdown): Command {
  return new Command('pause')
    .description('Stop one run until it is resumed; shards that encoders are at are finished and committed')
    .argument('<run>', "the run's name")
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  $ showtell pause coco-val-1a2b3c4d\n')
    .action(async (run: string, { json = false }: { json?: boolean }, command: Command) => {
      const [{ openContext }, { pause }] = await Promise.all([import('../context.js'), import('../control/control-run.js')]);
      await pause(openContext(command, shutdown), { run, json });
    });
}
