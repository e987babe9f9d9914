import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { decodingOf } from '../decoding-flags';
import { type EvaluationFlags, evaluationFlags } from '../evaluation-flags';

interface EvaluateFlags extends EvaluationFlags {
  readonly run: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function evaluateCommand(shutdown: Shutdown): Command {
  const command = new Command('evaluate')
    .description("Score a model's captions of a split as COCO does, and show what it says")
    .argument('<model>', 'TRAINING (its best checkpoint), TRAINING@ALIAS, TRAINING:STEP, or a folder that pull made')
    .requiredOption('--run <run>', 'the run whose features are captioned')
    .option('--out <folder>', 'new or empty folder for results.json, scores.json and gallery.html')
    .option('--json', 'print what scores.json holds')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell evaluate coco-seed --run coco --split val\n  $ showtell evaluate coco-seed@best --run coco --beam 3 --out evaluated\n  $ showtell evaluate ./captioner --run coco-int8 --any-precision --json\n',
    )
    .action(async (model: string, flags: EvaluateFlags, program: Command) => {
      const [{ openContext }, { evaluateRun }] = await Promise.all([import('../context.js'), import('../evaluate/evaluate-run.js')]);
      const { anyPrecision = false, json = false, run, split, out, limit, threads } = flags;
      const request = { model, run, split, out, limit, threads, anyPrecision, json, decoding: decodingOf(flags) };
      await evaluateRun(openContext(program, shutdown), request);
    });
  for (const flag of evaluationFlags()) command.addOption(flag);
  return command;
}
