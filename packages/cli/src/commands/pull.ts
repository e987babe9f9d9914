import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

interface PullFlags {
  readonly out: string;
  readonly withOptimizer?: boolean;
  readonly json?: boolean;
}

export function pullCommand(shutdown: Shutdown): Command {
  return new Command('pull')
    .description('Copy a checkpoint and its encoder into a folder that captions without the store')
    .argument('<model>', 'TRAINING (its best checkpoint), TRAINING@ALIAS or TRAINING:STEP')
    .requiredOption('--out <folder>', 'new or empty folder')
    .option('--with-optimizer', 'take along what training goes on with, which captioning does not need')
    .option('--json', 'print what was pulled as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ showtell pull coco-seed@best --out ./captioner\n  $ showtell caption photo.jpg --model ./captioner\n',
    )
    .action(async (model: string, { out, withOptimizer = false, json }: PullFlags, command: Command) => {
      const [{ openContext }, { pullCheckpoint }] = await Promise.all([
        import('../context.js'),
        import('@showtell/trainer/checkpoint/pull'),
      ]);
      const { store, signal } = openContext(command, shutdown);
      const { path, bytes, record, sha256 } = await pullCheckpoint(store, model, out, { signal, withOptimizer });
      const { training, step, epoch, loss, validationLoss } = record;
      if (json) {
        process.stdout.write(`${JSON.stringify({ path, bytes, training, step, epoch, loss, validationLoss, sha256 }, null, 2)}\n`);
        return;
      }
      process.stdout.write(
        `${training} at step ${step} (epoch ${epoch}) is in ${path}: ${(bytes / 1e6).toFixed(1)} MB, every file verified\n`,
      );
    });
}
