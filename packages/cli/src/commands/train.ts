import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, InvalidArgumentError } from 'commander';
import { wholeNumber } from '../whole-number';

interface TrainFlags {
  readonly preset?: string;
  readonly name?: string;
  readonly epochs?: number;
  readonly seed?: number;
  readonly set: Readonly<Record<string, SetValue>>;
  readonly trainSplit?: string;
  readonly validationSplit?: string;
  readonly resume?: boolean;
  readonly here?: boolean;
  readonly json?: boolean;
}

export function trainCommand(shutdown: Shutdown): Command {
  return new Command('train')
    .description(
      'Fit a captioner on a finished run, as a job of a trainer (again, it goes on) or in this process (--here; go on with --resume)',
    )
    .argument('<run>', "a complete run's name")
    .option('--preset <name>', 'architecture and settings to begin from (default: seed)')
    .option('--name <name>', "the training's name (default: RUN-PRESET)")
    .option('--epochs <n>', 'passes over the training captions', wholeNumber(1, 100_000))
    .option('--seed <n>', 'seed of first weights and order', wholeNumber(0, 2 ** 31 - 1))
    .option('--set <name=value>', 'another hyper-parameter, such as batchSize=64; repeatable', hyperparameter, {})
    .option('--train-split <name>', 'split to train on (default: train)')
    .option('--validation-split <name>', 'split to validate on, or none (default: val, validation or dev)')
    .option('--resume', 'go on with a training from its newest checkpoint, with the settings it was frozen with')
    .option('--here', 'train in this process instead of a worker')
    .option('--json', 'print what happens as JSON lines')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell train coco-1a2b3c4d --epochs 8\n  $ showtell train coco-1a2b3c4d --name big --set units=512 --here\n',
    )
    .action(async (run: string, flags: TrainFlags, command: Command) => {
      const [{ openContext }, { trainRun }] = await Promise.all([import('../context.js'), import('../train/train-run.js')]);
      const { name, set, epochs, validationSplit, ...rest } = flags;
      await trainRun(openContext(command, shutdown), {
        ...rest,
        run,
        training: name,
        hyperparameters: { ...set, ...(epochs !== undefined && { epochs }) },
        validationSplit: validationSplit === 'none' ? null : validationSplit,
        resume: flags.resume ?? false,
        here: flags.here ?? false,
        json: flags.json ?? false,
      });
    });
}

type SetValue = number | boolean | string | null;
const CONSTANTS: Readonly<Record<string, SetValue>> = { null: null, true: true, false: false };

/** `name=value` with a number, `true`, `false`, `null` or a word; whether there is such a hyper-parameter is for the trainer to say. */
function hyperparameter(text: string, before: Readonly<Record<string, SetValue>>): Record<string, SetValue> {
  const [, name, value] = /^([a-zA-Z][a-zA-Z0-9]*)=(\S+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('Expected NAME=VALUE, the value a number, true, false, null or a word.');
  const number = Number(value);
  return { ...before, [name]: Object.hasOwn(CONSTANTS, value) ? CONSTANTS[value]! : Number.isNaN(number) ? value : number };
}
