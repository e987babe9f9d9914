import type { Precision } from '@showtell/shared/schema/encoder-identity';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { precisionFlag } from '../precision-flag';
import { settingsOf } from '../settings-flags';
import { wholeNumber } from '../whole-number';

export function upCommand(shutdown: Shutdown): Command {
  return new Command('up')
    .description('Run every service on this machine, with a dashboard, until stopped')
    .option('--encoders <n>', 'encoder workers (default: one for every four cores)', wholeNumber(1, 64))
    .addOption(precisionFlag('runs of which precision the encoder workers serve'))
    .option('--port <n>', 'port of the dashboard on 127.0.0.1; 0 takes a free one', wholeNumber(0, 65_535), 0)
    .addHelpText(
      'after',
      '\nExample:\n  $ showtell up --encoders 2\n  $ showtell enqueue synthetic:200 --wait      (in another terminal, same folder)\n',
    )
    .action(async (options: { encoders?: number; precision: Precision; port: number }, command: Command) => {
      const { runUp } = await import('../local/up.js');
      await runUp({ settings: settingsOf(command), ...options, shutdown });
    });
}
