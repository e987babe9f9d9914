import type { TrainingEngineName } from '@showtell/trainer/engine/open';
import { Option } from 'commander';
import { singleDeviceFlag } from './device-flag';

const ENGINES: readonly TrainingEngineName[] = ['onnx', 'tensorflow'];

/** `--engine` of what trains. Without a default: whether it was given matters where a worker has its own. */
export function trainingEngineFlag(): Option {
  return new Option('--engine <name>', 'library that trains: both take the same steps (default: onnx)').choices(ENGINES);
}

/** `--device` of what trains. */
export function trainingDeviceFlag(): Option {
  return singleDeviceFlag('where it trains (default: auto)');
}
