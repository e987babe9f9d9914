import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, Option } from 'commander';
import { decimalNumber } from '../decimal-number';
import { type DecodingFlags, decodingFlags, decodingOf } from '../decoding-flags';
import { deviceFlag } from '../device-flag';
import { engineFlag } from '../engine-flag';
import { wholeNumber } from '../whole-number';

interface CaptionFlags extends DecodingFlags {
  readonly model: string;
  readonly json?: boolean;
  readonly engine: EngineName;
  readonly device: string;
  readonly threads?: number;
  readonly nBest?: number;
  readonly samples?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
}

export function captionCommand(shutdown: Shutdown): Command {
  const command = new Command('caption')
    .description('Write captions for photos with a trained captioner')
    .argument('<photo...>', 'JPEG, PNG or WebP files')
    .requiredOption('--model <model>', 'folder that pull made, or TRAINING, TRAINING@ALIAS, TRAINING:STEP')
    .addOption(engineFlag())
    .addOption(deviceFlag())
    .option('--threads <n>', 'threads (default: one for every core)', wholeNumber(1, 1_024))
    .option('--json', 'print JSON lines, each with all candidates where several captions are asked for')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell caption holiday/*.jpg --model ./captioner\n  $ showtell caption photo.jpg --model coco-seed@best --json\n' +
        '  $ showtell caption photo.jpg --model ./captioner --beam 5 --n-best 5\n  $ showtell caption photo.jpg --model ./captioner --samples 3 --top-p 0.9\n',
    )
    .action(async (photos: string[], flags: CaptionFlags, self: Command) => {
      const [{ openContext }, { captionPhotos }] = await Promise.all([import('../context.js'), import('../caption-photos.js')]);
      const { model, engine, device, threads, json = false, nBest, samples, temperature, topP, seed } = flags;
      await captionPhotos(openContext(self, shutdown), {
        photos,
        model,
        engine,
        device,
        ...(threads !== undefined && { threads }),
        json,
        decoding: { ...decodingOf(flags), nBest, samples, temperature, topP, seed },
      });
    });
  for (const flag of [...decodingFlags(), ...severalFlags()]) command.addOption(flag);
  return command;
}

function severalFlags(): Option[] {
  const flag = (name: string, meaning: string) => new Option(name, meaning).helpGroup('Several captions of each photo:');
  return [
    flag('--n-best <n>', 'the best n, best first; at most the beam').argParser(wholeNumber(1, 1_000)),
    flag('--samples <n>', 'n drawn at random, the likeliest first').argParser(wholeNumber(1, 1_000)),
    flag('--temperature <t>', 'of samples: below 1 likely words become likelier, above 1 unlikely ones').argParser(
      decimalNumber(0, 100, { above: true }),
    ),
    flag('--top-p <p>', 'of samples: draw from the fewest words that have this probability together').argParser(
      decimalNumber(0, 1, { above: true }),
    ),
    flag('--seed <n>', 'of samples: the same ones again (default: 0)').argParser(wholeNumber(0, 2 ** 31 - 1)),
  ];
}
