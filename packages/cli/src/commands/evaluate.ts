import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { type DecodingFlags, decodingFlags, decodingOf } from '../decoding-flags';
import { wholeNumber } from '../whole-number';

interface EvaluateFlags extends DecodingFlags {
  readonly run: string;
  readonly split: string;
  readonly out?: string;
  readonly anyPrecision?: boolean;
  readonly limit?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

export function evaluateCommand(shutdown: Shutdown): Command {
  const command = new Command('evaluate')
    .description("Score a model's captions of a split as COCO does, and show what it says")
    .argument('<model>', 'TRAINING (its best checkpoint), TRAINING@ALIAS, TRAINING:STEP, or a folder that pull made')
    .requiredOption('--run <run>', 'the run whose features are captioned')
    .option('--split <split>', 'the split of it', 'val')
    .option('--out <folder>', 'new or empty folder for results.json, scores.json and gallery.html')
    .option('--any-precision', 'take features of the same encoder in another precision, such as int8, and say so')
    .option('--limit <n>', 'only the first images of the split', wholeNumber(1, 1e9))
    .option('--threads <n>', 'threads (default: one for every core)', wholeNumber(1, 1_024))
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
  for (const flag of decodingFlags()) command.addOption(flag);
  return command;
}
