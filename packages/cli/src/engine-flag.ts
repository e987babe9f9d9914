import type { EngineName } from '@showtell/encoder-worker/encoder/engines/engine';
import { Option } from 'commander';

const ENGINES: readonly EngineName[] = ['onnx', 'tensorflow'];

/** `--engine` of the commands that compute features. */
export function engineFlag(): Option {
  return new Option('--engine <name>', 'library that computes: both give the same features').choices(ENGINES).default('onnx');
}
