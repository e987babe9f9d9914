import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, Option } from 'commander';

interface PullFlags {
  readonly out: string;
  readonly format: 'safetensors' | 'onnx' | 'tfjs';
  readonly withOptimizer?: boolean;
  readonly json?: boolean;
}

export function pullCommand(shutdown: Shutdown): Command {
  return new Command('pull')
    .description('Copy a checkpoint and its encoder into a folder that captions without the store')
    .argument('<model>', 'TRAINING (its best checkpoint), TRAINING@ALIAS or TRAINING:STEP')
    .requiredOption('--out <folder>', 'new or empty folder')
    .addOption(
      new Option('--format <name>', 'safetensors, the checkpoint itself; models for any onnxruntime; layers for TensorFlow.js')
        .choices(['safetensors', 'onnx', 'tfjs'])
        .default('safetensors'),
    )
    .option('--with-optimizer', 'take along what training goes on with, which captioning does not need')
    .option('--json', 'print what was pulled as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ showtell pull coco-seed@best --out ./captioner\n  $ showtell caption photo.jpg --model ./captioner\n  $ showtell pull coco-seed --format onnx --out ./onnx      (what is in it, and how to decode: docs/formats.md)\n',
    )
    .action(async (model: string, flags: PullFlags, command: Command) => {
      const [{ openContext }, { pullModel }] = await Promise.all([import('../context.js'), import('../pull-model.js')]);
      await pullModel(openContext(command, shutdown), { ...flags, model });
    });
}
