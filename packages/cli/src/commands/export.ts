import type { ExportFormat } from '@showtell/ingest/admin/export-run';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, Option } from 'commander';
import { listed } from '../listed';
import { wholeNumber } from '../whole-number';

interface ExportFlags {
  readonly out: string;
  readonly format: ExportFormat;
  readonly split?: string[];
  readonly manifest?: number;
  readonly json?: boolean;
}

const FORMATS = ['arrow', 'parquet', 'npy'] as const satisfies readonly ExportFormat[];

export function exportCommand(shutdown: Shutdown): Command {
  return new Command('export')
    .description('Write the features and captions of a complete run for other programs')
    .argument('<run>', "a run's name")
    .requiredOption('--out <path>', 'new file; of format npy a new or empty folder')
    .addOption(
      new Option('--format <name>', 'one Arrow file; one Parquet file; features.npy with its samples as JSON lines')
        .choices(FORMATS)
        .default('arrow'),
    )
    .option('--split <names>', 'splits to take, in this order, with commas or repeated (default: all)', listed)
    .option('--manifest <n>', 'number of a manifest (default: the newest)', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ showtell export coco --out coco.arrow
  $ showtell export coco --format parquet --split train,val --out coco.parquet      (how to read it: docs/formats.md)
`,
    )
    .action(async (run: string, flags: ExportFlags, command: Command) => {
      const [{ openContext }, { writeExport }] = await Promise.all([import('../context.js'), import('../write-export.js')]);
      await writeExport(openContext(command, shutdown), { ...flags, run });
    });
}
