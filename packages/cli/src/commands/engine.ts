import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, Option } from 'commander';
import type { Origin } from '../engine/install-tensorflow';
import { asJson, print, tell } from '../output/print';

interface InstallFlags {
  readonly gpu?: boolean;
  readonly libraries?: boolean;
  readonly dir?: string;
  readonly from?: Origin;
  readonly json?: boolean;
}

export function engineCommand(shutdown: Shutdown): Command {
  const example =
    '\nExamples:\n  $ showtell engine install tensorflow\n  $ showtell engine install tensorflow --gpu --dir /opt/tensorflow\n  $ showtell engine install onnx-cuda --libraries\n';
  return new Command('engine')
    .description('Install what --engine tensorflow computes with, or what the engine onnx needs on NVIDIA GPUs; on CPUs it needs nothing')
    .addHelpText('after', example)
    .addCommand(
      new Command('install')
        .description(
          'Make TensorFlow run on this machine and compare it with the engine onnx; or lay the CUDA provider beside onnxruntime and try it',
        )
        .addArgument(new Command().createArgument('<engine>').choices(['tensorflow', 'onnx-cuda']))
        .option(
          '--libraries',
          'onnx-cuda: also the libraries of CUDA 13 and cuDNN 9 (1.3 GB), for a machine that has the NVIDIA driver alone',
        )
        .option('--gpu', 'tensorflow: for NVIDIA GPUs, with the CUDA libraries (3.4 GB)')
        .option('--dir <folder>', 'tensorflow: where it is kept; name it to the other commands as --tensorflow or SHOWTELL_TENSORFLOW')
        .addOption(
          new Option('--from <origin>', "the npm package's own install script, or PyPI's wheel (default: the first that works)").choices([
            'package',
            'wheel',
          ]),
        )
        .option('--json', 'print what was installed as JSON')
        .addHelpText('after', example)
        .action(async (engine: string, { gpu = false, libraries = false, dir, from, json = false }: InstallFlags, command: Command) => {
          if (engine === 'onnx-cuda') return layOnnxCuda(libraries, json, shutdown);
          const [{ settingsOf }, { installTensorflow }, { tensorflowFolder }] = await Promise.all([
            import('../settings-flags.js'),
            import('../engine/install-tensorflow.js'),
            import('@showtell/shared/tensorflow/bindings'),
          ]);
          const folder = dir ?? tensorflowFolder(settingsOf(command).tensorflow);
          const say = (line: string) => tell(`${line}\n`);
          const installed = await installTensorflow({ folder, flavour: gpu ? 'gpu' : 'cpu', from, say, signal: shutdown.signal });
          const { path, kept, description, difference, imagesPerSecond } = installed;
          if (json) {
            const { versions, device, deviceName } = description;
            print(asJson({ path, from: installed.from, kept, versions, device, deviceName, difference, imagesPerSecond }));
            return;
          }
          print(
            `TensorFlow ${description.versions['tensorflow']} ${kept ? 'was already' : 'is'} in ${path} and computes on ${description.device} (${description.deviceName}): ` +
              `${imagesPerSecond.toFixed(1)} images/s, features within ${difference.toExponential(0)} of the engine onnx\n`,
          );
          if (gpu && description.device === 'cpu')
            print('This machine has no NVIDIA GPU with its driver: that it works on one was not seen here.\n');
        }),
    );
}

async function layOnnxCuda(libraries: boolean, json: boolean, { signal }: Shutdown): Promise<void> {
  const { installOnnxCuda } = await import('../engine/install-onnx-cuda.js');
  const say = (line: string) => tell(`${line}\n`);
  const { folder, gpu } = await installOnnxCuda({ libraries, say, signal });
  if (json) {
    const outcome =
      'error' in gpu ? { error: { code: gpu.error.code, message: gpu.error.message, hint: gpu.error.hint } } : { deviceName: gpu.name };
    print(asJson({ folder, ...outcome }));
  } else if ('error' in gpu)
    print(`The CUDA provider lies beside onnxruntime, but this machine cannot use it: ${gpu.error.message}\n  ${gpu.error.hint ?? ''}\n`);
  else print(`The engine onnx computes on ${gpu.name}: --device cuda\n`);
}
