import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, Option } from 'commander';
import { deviceFlag } from '../device-flag';
import { engineFlag } from '../engine-flag';
import { calibrationFlag, calibrationPhotosFlag, precisionFlag } from '../precision-flag';
import { weightsFlag } from '../weights-flag';
import { wholeNumber } from '../whole-number';

interface EncodeFlags {
  readonly out?: string;
  readonly weights: string;
  readonly precision: Precision;
  readonly calibration?: string;
  readonly calibrationPhotos?: number;
  readonly run?: string;
  readonly engine: EngineName;
  readonly device: string;
  readonly threads?: number;
}

export function encodeCommand(shutdown: Shutdown): Command {
  return new Command('encode')
    .description('Write the features of photos, as JSON lines or an Arrow file')
    .argument('<photo...>', 'JPEG, PNG or WebP files')
    .option('--out <file>', 'file to write: .arrow for an Arrow file, else JSON lines (default: JSON lines on standard output)')
    .addOption(weightsFlag())
    .addOption(precisionFlag('precision of the encoder'))
    .addOption(calibrationFlag())
    .addOption(calibrationPhotosFlag())
    .addOption(
      new Option('--run <name>', 'the encoder of this run, so that features can be compared with its').conflicts([
        'weights',
        'precision',
        'calibration',
        'calibrationPhotos',
      ]),
    )
    .addOption(engineFlag())
    .addOption(deviceFlag())
    .option('--threads <n>', 'threads (default: one for every core)', wholeNumber(1, 1_024))
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell encode photo.jpg\n  $ showtell encode holiday/*.jpg --out features.arrow\n  $ showtell encode photo.jpg --precision int8 --calibration holiday\n',
    )
    .action(async (photos: string[], flags: EncodeFlags, command: Command) => {
      const [{ openContext }, { writeFeatures }] = await Promise.all([import('../context.js'), import('../write-features.js')]);
      await writeFeatures(openContext(command, shutdown), { photos, ...flags });
    });
}
