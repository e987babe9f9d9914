import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import { EXIT } from '@showtell/shared/errors';
import type { Precision } from '@showtell/shared/schema/encoder-identity';
import type { Shutdown } from '@showtell/shared/shutdown';
import type { TrainerWorkerOptions } from '@showtell/trainer/worker';
import { Command, Option } from 'commander';
import { devicesFlag } from '../device-flag';
import { engineFlag } from '../engine-flag';
import { precisionFlag } from '../precision-flag';
import { trainingDeviceFlag, trainingEngineFlag } from '../training-engine-flags';
import { wholeNumber } from '../whole-number';

export function workerCommand(shutdown: Shutdown): Command {
  const once = () => new Option('--once', 'end when nothing is left to do');
  return new Command('worker')
    .description('Run one service: ingest, encoder or trainer')
    .addHelpText('after', '\nExample:\n  $ showtell worker encoder --threads 4      (showtell worker encoder --help lists its flags)\n')
    .addCommand(
      new Command('ingest')
        .description('Stream photos out of the source, prepare them and hand them to the encoders; finish runs')
        .addOption(once())
        .option('--concurrency <n>', 'shards at once', wholeNumber(1, 64), 2)
        .option('--downloads <n>', 'photos at once, per shard', wholeNumber(1, 256), 8)
        .addHelpText('after', '\nExample:\n  $ REDIS_URL=redis://jobs:6379 showtell worker ingest --store s3://results/showtell\n')
        .action(async (options: { once?: boolean; concurrency: number; downloads: number }, command: Command) => {
          const [{ openContext }, { runIngestWorker }] = await Promise.all([import('../context.js'), import('@showtell/ingest/worker')]);
          endWithParent();
          const context = openContext(command, shutdown, { name: 'ingest', quiet: false });
          await untilStopped(shutdown, runIngestWorker({ ...context, ...options }));
        }),
    )
    .addCommand(
      new Command('encoder')
        .description('Turn prepared photos into features, shard by shard')
        .addOption(once())
        .addOption(engineFlag())
        .addOption(devicesFlag())
        .addOption(precisionFlag('runs of which precision it serves'))
        .option('--threads <n>', 'threads of the engine (default: one for every core)', wholeNumber(1, 1_024))
        .option('--spin', 'let waiting threads of the engine onnx spin: a little quicker where nothing else computes, slower beside others')
        .addHelpText(
          'after',
          '\nExamples:\n  $ showtell worker encoder --threads 4 --once\n  $ showtell worker encoder --precision float16 --device cuda:0,cuda:1\n',
        )
        .action(async (options: EncoderFlags, command: Command) => {
          const [{ openContext }, { runEncoderWorker }, { defaultThreads }] = await Promise.all([
            import('../context.js'),
            import('@showtell/encoder-worker/worker'),
            import('@showtell/encoder-worker/encoder/engines/engine'),
          ]);
          endWithParent();
          const context = openContext(command, shutdown, { name: 'encoder', quiet: false });
          await untilStopped(shutdown, runEncoderWorker({ ...context, ...options, threads: options.threads ?? defaultThreads() }));
        }),
    )
    .addCommand(
      new Command('trainer')
        .description('Fit captioners on finished runs')
        .addOption(once())
        .addOption(trainingEngineFlag())
        .addOption(trainingDeviceFlag())
        .option('--threads <n>', 'threads of the CPU (default: one for every core)', wholeNumber(1, 1_024))
        .addHelpText(
          'after',
          '\nExamples:\n  $ showtell worker trainer --once\n  $ showtell worker trainer --engine tensorflow --device cuda\n',
        )
        .action(async (options: TrainerFlags, command: Command) => {
          const [{ openContext }, { runTrainerWorker }] = await Promise.all([import('../context.js'), import('@showtell/trainer/worker')]);
          endWithParent();
          const context = openContext(command, shutdown, { name: 'trainer', quiet: false });
          await untilStopped(shutdown, runTrainerWorker({ ...context, ...options }));
        }),
    );
}

type TrainerFlags = Pick<TrainerWorkerOptions, 'once' | 'engine' | 'device' | 'threads'>;

interface EncoderFlags {
  readonly once?: boolean;
  readonly engine: EngineName;
  readonly device: string;
  readonly precision: Precision;
  readonly threads?: number;
  readonly spin?: boolean;
}

/** A worker that is told to stop while it starts stops as well as one that has begun: with exit code 0. */
async function untilStopped({ signal }: Shutdown, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
}

/** A worker that `showtell up` started must not outlive it. Killed at any line is what every job must survive, so no time is lost. */
function endWithParent(): void {
  if (process.channel === undefined) return;
  process.once('disconnect', () => process.exit(EXIT.INTERRUPTED));
  // Listening alone would keep a worker alive that has nothing left to do.
  process.channel.unref();
}
