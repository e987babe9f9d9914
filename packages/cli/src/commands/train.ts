import { availableParallelism } from 'node:os';
import { ShowtellError } from '@showtell/shared/errors';
import type { Shutdown } from '@showtell/shared/shutdown';
import type { TrainingEngineName } from '@showtell/trainer/engine/open';
import type * as Presets from '@showtell/trainer/model/presets/presets';
import type { SplitName } from '@showtell/trainer/train/choose-splits';
import { Command, InvalidArgumentError } from 'commander';
import { trainingDeviceFlag, trainingEngineFlag } from '../training-engine-flags';
import { wholeNumber } from '../whole-number';

interface TrainFlags {
  readonly preset?: string;
  readonly name?: string;
  readonly epochs?: number;
  readonly seed?: number;
  readonly set: Readonly<Record<string, SetValue>>;
  readonly trainSplit?: readonly SplitName[];
  readonly validationSplit?: readonly SplitName[];
  readonly from?: string;
  readonly resume?: boolean;
  readonly here?: boolean;
  readonly engine?: TrainingEngineName;
  readonly device?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

export function trainCommand(shutdown: Shutdown): Command {
  return new Command('train')
    .description(
      'Fit a captioner on finished runs, as a job of a trainer (again, it goes on) or in this process (--here; go on with --resume)',
    )
    .argument('<runs...>', 'names of complete runs, all of one encoder')
    .option('--preset <name>', 'architecture and settings to begin from (default: seed)')
    .option('--name <name>', "the training's name (default: RUN-PRESET)")
    .option('--from <model>', 'begin with the weights, vocabulary and network of TRAINING, TRAINING@ALIAS or TRAINING:STEP')
    .option('--epochs <n>', 'passes over the training captions', wholeNumber(1, 100_000))
    .option('--seed <n>', 'seed of first weights and order', wholeNumber(0, 2 ** 31 - 1))
    .option('--set <name=value>', 'another hyper-parameter, such as batchSize=64; repeatable', hyperparameter, {})
    .option('--train-split <splits>', 'splits to train on, as SPLIT or RUN:SPLIT, with commas (default: train)', splitNames)
    .option(
      '--validation-split <splits>',
      'splits to validate on, of other runs too, or none (default: val, validation or dev)',
      splitNames,
    )
    .option('--resume', 'go on with a training from its newest checkpoint, with the settings it was frozen with')
    .option('--here', 'train in this process instead of a worker')
    .addOption(trainingEngineFlag())
    .addOption(trainingDeviceFlag())
    .option('--threads <n>', 'with --here: threads of the CPU (default: one for every core)', wholeNumber(1, 1_024))
    .option('--json', 'print what happens as JSON lines')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell train coco-1a2b3c4d --epochs 8\n  $ showtell train coco-1a2b3c4d --name big --set units=512 --here\n' +
        '  $ showtell train coco flickr --name both --train-split train,restval --validation-split coco:val\n' +
        '  $ showtell train flickr --name tuned --from both@best --set learningRate=1e-4 --set patience=3\n',
    )
    .addHelpText('after', presetsHelp)
    .action(async (runs: string[], flags: TrainFlags, command: Command) => {
      const [{ openContext }, { trainRun }] = await Promise.all([import('../context.js'), import('../train/train-run.js')]);
      const { name, set, epochs, trainSplit, validationSplit, engine, device, threads, ...rest } = flags;
      const asked = Object.entries({ engine, device, threads }).find(([, value]) => value !== undefined);
      if (asked && !flags.here)
        throw new ShowtellError('USAGE', `Expected --here with --${asked[0]}: a worker has its own, see showtell worker trainer --help`);
      await trainRun(openContext(command, shutdown), {
        ...rest,
        runs,
        training: name,
        hyperparameters: { ...set, ...(epochs !== undefined && { epochs }) },
        trainSplits: trainSplit,
        validationSplits: validationSplit,
        resume: flags.resume ?? false,
        here: flags.here ?? false,
        json: flags.json ?? false,
        compute: { engine: engine ?? 'onnx', device: device ?? 'auto', threads: threads ?? availableParallelism() },
      });
    });
}

/** What --preset and --set take. Read when help is asked for, because it loads the trainer's schemas. */
function presetsHelp(): string {
  const { PRESETS } = require('@showtell/trainer/model/presets/presets') as typeof Presets;
  const width = Math.max(...Object.keys(PRESETS).map(({ length }) => length));
  const presets = Object.values(PRESETS).map(({ name, description }) => wrapped(`  ${name.padEnd(width)}  `, description.split(' '), ' '));
  const names = Object.keys(Object.values(PRESETS)[0]!.hyperparameters);
  return `\nPresets:\n${presets.join('\n')}\n\nHyper-parameters (--set):\n${wrapped('  ', names, ', ')}\n`;
}

const COLUMNS = 80;

/** Words in lines that begin under the first one's beginning. */
function wrapped(first: string, words: readonly string[], separator: string): string {
  const lines = [''];
  for (const [index, word] of words.entries()) {
    const piece = index + 1 < words.length ? word + separator : word;
    if (first.length + lines.at(-1)!.length + piece.trimEnd().length > COLUMNS) lines.push('');
    lines.push(lines.pop()! + piece);
  }
  return first + lines.map((line) => line.trimEnd()).join(`\n${' '.repeat(first.length)}`);
}

/** `val`, `coco:val,flickr:dev`, or `none`. */
function splitNames(text: string): SplitName[] {
  if (text === 'none') return [];
  return text.split(',').map((name) => {
    const [, run, split] = /^(?:([^:]+):)?([^:]+)$/.exec(name.trim()) ?? [];
    if (split === undefined) throw new InvalidArgumentError('Expected SPLIT or RUN:SPLIT, several with commas between them.');
    return { run, split };
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
