import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function statusCommand(shutdown: Shutdown): Command {
  return new Command('status')
    .description('Show runs, or one run: what is done, rate, rejected photos, failures, workers; exit code 6 when it cannot go on')
    .argument('[run]', "a run's name (default: all runs)")
    .option('--watch', 'show it again every second until it is complete')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ showtell status\n  $ showtell status coco-val-1a2b3c4d --watch\n')
    .action(async (run: string | undefined, { watch = false, json = false }: { watch?: boolean; json?: boolean }, command: Command) => {
      const [{ openContext }, { showStatus }] = await Promise.all([import('../context.js'), import('../status/show-status.js')]);
      await showStatus(openContext(command, shutdown), { run, watch, json });
    });
}
