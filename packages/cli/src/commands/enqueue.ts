import type * as Sources from '@showtell/ingest/source/open';
import type * as Recognise from '@showtell/ingest/source/recognise';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { listed } from '../listed';
import { calibrationFlag, calibrationPhotosFlag, precisionFlag } from '../precision-flag';
import { priorityNumber } from '../priority-flag';
import { weightsFlag } from '../weights-flag';
import { wholeNumber } from '../whole-number';

interface EnqueueFlags {
  readonly run?: string;
  readonly split?: string[];
  readonly shardRows: number;
  readonly weights: string;
  readonly precision: Precision;
  readonly calibration?: string;
  readonly calibrationPhotos?: number;
  readonly base?: string;
  readonly train?: string;
  readonly priority?: number;
  readonly strict?: boolean;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
  readonly photos?: string;
  readonly sourceEndpoint?: string;
  readonly signRequest: boolean;
}

export function enqueueCommand(shutdown: Shutdown): Command {
  return new Command('enqueue')
    .description('Plan a run over a dataset and enqueue what is not done yet; doing it again adds only what is missing')
    .argument('<source>', 'folder, file:// or s3:// address, a captions file in one, or synthetic:N')
    .option('--run <name>', "the run's name (default: made from the source and the settings)")
    .option('--split <names>', 'splits to take, with commas or repeated (default: all)', listed)
    .option('--shard-rows <n>', 'samples in a shard', wholeNumber(1, 65_536), 512)
    .addOption(weightsFlag())
    .addOption(precisionFlag('precision of the encoder'))
    .addOption(calibrationFlag('photos of the run'))
    .addOption(calibrationPhotosFlag())
    .option('--base <run>', 'take over what this complete run has encoded, and plan only what is new or has changed')
    .option('--train <preset>', 'train this preset when the run is complete')
    .option('--priority <n>', 'share of the workers, from 1 to 100, beside other runs (default: 10, or as it is)', priorityNumber)
    .option(
      '--strict',
      'refuse a dataset with gaps: captions without image, images without caption, photos that are not there, captions that break the limits',
    )
    .option('--dry-run', 'say what would be done and write nothing')
    .option('--wait', 'stay until the run is complete, and its training with --train')
    .option('--photos <folder>', 'folder of the photos, relative to their captions file (default: beside it, or images/ there)')
    .option('--source-endpoint <url>', 'S3-compatible server of the source, where it is not that of the store')
    .option('--no-sign-request', 'read the source without credentials, as from a public bucket')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', kindsHelp)
    .addHelpText(
      'after',
      `
Examples:
  $ showtell enqueue ./coco --train seed --wait
  $ showtell enqueue s3://photos/flickr30k/results.csv --photos flickr30k_images
  $ showtell enqueue s3://public-photos/coco --no-sign-request --split val --dry-run
  $ showtell enqueue ./coco --run coco-2 --base coco-1
`,
    )
    .action(async (source: string, flags: EnqueueFlags, command: Command) => {
      const [{ openContext }, { enqueueSource }, { printEnqueueReport }] = await Promise.all([
        import('../context.js'),
        import('../enqueue/enqueue-source.js'),
        import('../enqueue/print-report.js'),
      ]);
      const context = openContext(command, shutdown);
      const { signRequest, wait = false, json = false, split, ...rest } = flags;
      const report = await enqueueSource(context, { source, splits: split ?? [], unsigned: !signRequest, ...rest });
      printEnqueueReport(report, json);
      if (!wait || report.dryRun) return;
      const { waitForRun } = await import('../status/wait-for-run.js');
      await waitForRun(context, report.run, flags.train);
    });
}

/** What SOURCE may be. Read when help is asked for, because it loads the sources. */
function kindsHelp(): string {
  const { SOURCES } = require('@showtell/ingest/source/open') as typeof Sources;
  const { describeKinds } = require('@showtell/ingest/source/recognise') as typeof Recognise;
  return `\nSources, told apart by what lies there:\n${describeKinds(SOURCES)}`;
}
