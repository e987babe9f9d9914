import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';
import { deviceFlag } from '../device-flag';
import { engineFlag } from '../engine-flag';
import { print } from '../output/print';
import { weightsFlag } from '../weights-flag';

interface DoctorFlags {
  readonly weights: string;
  readonly engine: EngineName;
  readonly device: string;
  readonly json?: boolean;
}

export function doctorCommand(shutdown: Shutdown): Command {
  return new Command('doctor')
    .description('Check Node.js, Redis, object store, encoder and weights, and say what to do about each thing wrong')
    .addOption(weightsFlag())
    .addOption(engineFlag())
    .addOption(deviceFlag())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell doctor\n  $ showtell doctor --store s3://results/showtell --s3-endpoint http://minio:9000 --json\n',
    )
    .action(async ({ json = false, ...flags }: DoctorFlags, command: Command) => {
      const [{ settingsOf }, { diagnosesAsJson, examine, formatDiagnosis }] = await Promise.all([
        import('../settings-flags.js'),
        import('../doctor/examine.js'),
      ]);
      const options = { ...flags, settings: settingsOf(command), signal: shutdown.signal };
      const diagnoses = await examine(options, (diagnosis) => {
        if (!json) print(formatDiagnosis(diagnosis));
      });
      if (json) print(diagnosesAsJson(diagnoses));
      const failed = diagnoses.find(({ error }) => error !== undefined);
      if (failed?.error !== undefined) process.exitCode = failed.error.exitCode;
    });
}
