import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { decodingOf } from '../decoding-flags';
import { type EvaluationFlags, evaluationFlags } from '../evaluation-flags';

interface CompareFlags extends EvaluationFlags {
  readonly run?: string;
  readonly json?: boolean;
}

export function compareCommand(shutdown: Shutdown): Command {
  const command = new Command('compare')
    .description('Tell whether one model is better than another: paired bootstrap over the images of a split')
    .argument('<a>', 'TRAINING, TRAINING@ALIAS, TRAINING:STEP, a folder that pull made, or one that evaluate made')
    .argument('<b>', 'the other one')
    .option('--run <run>', 'the run whose features are captioned, for models that are not evaluated yet')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell compare coco-seed coco-show-and-tell --run coco --split val\n  $ showtell evaluate coco-seed --run coco --beam 3 --out beam3 && showtell compare greedy beam3\n',
    )
    .action(async (a: string, b: string, flags: CompareFlags, program: Command) => {
      const [{ openContext }, { compare }] = await Promise.all([import('../context.js'), import('../evaluate/compare-models.js')]);
      const { anyPrecision = false, json = false, run, split, limit, threads } = flags;
      await compare(openContext(program, shutdown), {
        models: [a, b],
        run,
        split,
        limit,
        threads,
        anyPrecision,
        json,
        decoding: decodingOf(flags),
      });
    });
  for (const flag of evaluationFlags()) command.addOption(flag);
  return command;
}
