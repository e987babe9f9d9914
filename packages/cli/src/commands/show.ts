import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export function showCommand(shutdown: Shutdown): Command {
  return new Command('show')
    .description('Show one image of a run: captions, shard, feature, or why it was rejected')
    .argument('<run>', "a run's name")
    .argument('<image>', 'image id, or file name')
    .option('--json', 'print JSON')
    .option('--feature', 'with --json, all numbers of the feature')
    .addHelpText('after', '\nExamples:\n  $ showtell show coco 391895\n  $ showtell show coco 000000391895.jpg --json --feature\n')
    .action(
      async (
        run: string,
        image: string,
        { json = false, feature = false }: { readonly json?: boolean; readonly feature?: boolean },
        command: Command,
      ) => {
        const [{ openContext }, { printSample }] = await Promise.all([import('../context.js'), import('../show/print-sample.js')]);
        await printSample(openContext(command, shutdown), { run, image, json, feature });
      },
    );
}
