import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function resumeCommand(shutdown: Shutdown): Command {
  return new Command('resume')
    .description('Let a paused or cancelled run go on with what is not committed')
    .argument('<run>', "the run's name")
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExample:\n  $ showtell resume coco-val-1a2b3c4d\n')
    .action(async (run: string, { json = false }: { json?: boolean }, command: Command) => {
      const [{ openContext }, { resume }] = await Promise.all([import('../context.js'), import('../control/control-run.js')]);
      await resume(openContext(command, shutdown), { run, json });
    });
}
