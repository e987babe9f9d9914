import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, Option } from 'commander';
import type { Origin } from '../engine/install-tensorflow';

interface InstallFlags {
  readonly gpu?: boolean;
  readonly dir?: string;
  readonly from?: Origin;
  readonly json?: boolean;
}

export function engineCommand(shutdown: Shutdown): Command {
  const example =
    '\nExamples:\n  $ showtell engine install tensorflow\n  $ showtell engine install tensorflow --gpu --dir /opt/tensorflow\n';
  return new Command('engine')
    .description('Install what --engine tensorflow computes with; the engine onnx needs no installing')
    .addHelpText('after', example)
    .addCommand(
      new Command('install')
        .description('Make TensorFlow run on this machine, outside node_modules, and compare it with the engine onnx')
        .addArgument(new Command().createArgument('<engine>', 'tensorflow').choices(['tensorflow']))
        .option('--gpu', 'for NVIDIA GPUs, with the CUDA libraries (3.4 GB)')
        .option('--dir <folder>', 'where it is kept; name it to the other commands as --tensorflow or SHOWTELL_TENSORFLOW')
        .addOption(
          new Option('--from <origin>', "the npm package's own install script, or PyPI's wheel (default: the first that works)").choices([
            'package',
            'wheel',
          ]),
        )
        .option('--json', 'print what was installed as JSON')
        .addHelpText('after', example)
        .action(async (_: string, { gpu = false, dir, from, json = false }: InstallFlags, command: Command) => {
          const [{ settingsOf }, { installTensorflow }, { tensorflowFolder }] = await Promise.all([
            import('../settings-flags.js'),
            import('../engine/install-tensorflow.js'),
            import('@showtell/shared/tensorflow/bindings'),
          ]);
          const folder = dir ?? tensorflowFolder(settingsOf(command).tensorflow);
          const say = (line: string) => process.stderr.write(`${line}\n`);
          const installed = await installTensorflow({ folder, flavour: gpu ? 'gpu' : 'cpu', from, say, signal: shutdown.signal });
          const { path, kept, description, difference, imagesPerSecond } = installed;
          if (json) {
            const { versions, device, deviceName } = description;
            process.stdout.write(
              `${JSON.stringify({ path, from: installed.from, kept, versions, device, deviceName, difference, imagesPerSecond }, null, 2)}\n`,
            );
            return;
          }
          process.stdout.write(
            `TensorFlow ${description.versions['tensorflow']} ${kept ? 'was already' : 'is'} in ${path} and computes on ${description.device} (${description.deviceName}): ` +
              `${imagesPerSecond.toFixed(1)} images/s, features within ${difference.toExponential(0)} of the engine onnx\n`,
          );
          if (gpu && description.device === 'cpu')
            process.stdout.write('This machine has no NVIDIA GPU with its driver: that it works on one was not seen here.\n');
        }),
    );
}
