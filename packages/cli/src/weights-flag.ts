import { Option } from 'commander';

/** `--weights` of the commands that need an encoder. */
export function weightsFlag(): Option {
  return new Option(
    '--weights <weights>',
    'encoder: bundled, imagenet (downloaded once), path or address of a .h5, .keras or .safetensors file, or path of a .onnx model',
  ).default('bundled');
}
