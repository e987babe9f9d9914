import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

interface CurvesFlags {
  readonly out: string;
  readonly json?: boolean;
}

export function curvesCommand(shutdown: Shutdown): Command {
  return new Command('curves')
    .description('Plot loss, validation, CIDEr and learning rate of trainings; also as JSON lines and for TensorBoard')
    .argument('<training...>', 'names of trainings, all in the same plots')
    .option('--out <folder>', 'folder for the page and the files; what is there of an earlier time is replaced', 'showtell-curves')
    .option('--json', 'print the figures as JSON lines instead')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell curves coco-seed\n  $ showtell curves coco-seed coco-show-and-tell --out compared\n  $ showtell curves coco-seed --json | grep \'"epoch",\'\n',
    )
    .action(async (trainings: string[], { out, json = false }: CurvesFlags, command: Command) => {
      const [{ openContext }, { writeCurves }] = await Promise.all([import('../context.js'), import('../curves/write-curves.js')]);
      await writeCurves(openContext(command, shutdown), { trainings, out, json });
    });
}
