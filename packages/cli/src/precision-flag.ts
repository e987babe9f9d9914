import { Precision } from '@showtell/shared/schema/encoder-identity';
import { Option } from 'commander';
import { wholeNumber } from './whole-number';

/** `--precision`: float16 is computed on GPUs, int8 on CPUs. */
export function precisionFlag(meaning: string): Option {
  return new Option('--precision <name>', `${meaning}: float16 needs a GPU, int8 is for CPUs`)
    .choices(Precision.options)
    .default('float32');
}

/** `--calibration`. @param fallback what is taken without it, if anything. */
export function calibrationFlag(fallback?: string): Option {
  return new Option(
    '--calibration <folder>',
    `photos to calibrate the int8 encoder on${fallback === undefined ? '' : ` (default: ${fallback})`}`,
  );
}

export function calibrationPhotosFlag(): Option {
  return new Option('--calibration-photos <n>', 'how many of them (default: 128)').argParser(wholeNumber(1, 10_000));
}
