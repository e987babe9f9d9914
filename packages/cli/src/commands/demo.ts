import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function demoCommand(shutdown: Shutdown): Command {
  return new Command('demo')
    .description('Run a small captioned dataset through every stage on this machine; prints captions, writes a gallery page')
    .option('--out <folder>', 'folder for the gallery page', 'showtell-demo')
    .addHelpText('after', '\nExample:\n  $ showtell demo\n')
    .action(async ({ out }: { out: string }, command: Command) => {
      const [{ settingsOf }, { runDemo }] = await Promise.all([import('../settings-flags.js'), import('../demo/run-demo.js')]);
      await runDemo({ settings: settingsOf(command), out, shutdown });
    });
}
