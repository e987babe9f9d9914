import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { deviceFlag } from '../device-flag';
import { engineFlag } from '../engine-flag';
import { weightsFlag } from '../weights-flag';
import { wholeNumber } from '../whole-number';

interface EncodeFlags {
  readonly out?: string;
  readonly weights: string;
  readonly engine: EngineName;
  readonly device: string;
  readonly threads?: number;
}

export function encodeCommand(shutdown: Shutdown): Command {
  return new Command('encode')
    .description('Write the InceptionV3 features of photos, as JSON lines or an Arrow file')
    .argument('<photo...>', 'JPEG, PNG or WebP files')
    .option('--out <file>', 'file to write: .arrow for an Arrow file, else JSON lines (default: JSON lines on standard output)')
    .addOption(weightsFlag())
    .addOption(engineFlag())
    .addOption(deviceFlag())
    .option('--threads <n>', 'threads (default: one for every core)', wholeNumber(1, 1_024))
    .addHelpText('after', '\nExamples:\n  $ showtell encode photo.jpg\n  $ showtell encode holiday/*.jpg --out features.arrow\n')
    .action(async (photos: string[], flags: EncodeFlags, command: Command) => {
      const [{ settingsOf }, { writeFeatures }] = await Promise.all([import('../settings-flags.js'), import('../write-features.js')]);
      const { tensorflow, imagenetUrl } = settingsOf(command);
      await writeFeatures({ photos, ...flags, tensorflow, imagenetUrl, shutdown });
    });
}
