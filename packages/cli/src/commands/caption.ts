import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { deviceFlag } from '../device-flag';
import { engineFlag } from '../engine-flag';
import { wholeNumber } from '../whole-number';

interface CaptionFlags {
  readonly model: string;
  readonly json?: boolean;
  readonly engine: EngineName;
  readonly device: string;
  readonly threads?: number;
}

export function captionCommand(shutdown: Shutdown): Command {
  return new Command('caption')
    .description('Write captions for photos with a trained captioner')
    .argument('<photo...>', 'JPEG, PNG or WebP files')
    .requiredOption('--model <model>', 'folder that pull made, or TRAINING, TRAINING@ALIAS, TRAINING:STEP')
    .addOption(engineFlag())
    .addOption(deviceFlag())
    .option('--threads <n>', 'threads (default: one for every core)', wholeNumber(1, 1_024))
    .option('--json', 'print JSON lines')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell caption holiday/*.jpg --model ./captioner\n  $ showtell caption photo.jpg --model coco-seed@best --json\n',
    )
    .action(async (photos: string[], flags: CaptionFlags, command: Command) => {
      const [{ openContext }, { captionPhotos }] = await Promise.all([import('../context.js'), import('../caption-photos.js')]);
      await captionPhotos(openContext(command, shutdown), { photos, ...flags, json: flags.json ?? false });
    });
}
