import type { EncoderEngine, EngineOptions } from '../../../src/encoder/engines/engine';
import { openEngine } from '../../../src/encoder/engines/open';
import { startEngineProcess } from '../../../src/engine-process';

export interface Computer extends Pick<EngineOptions, 'engine' | 'device'> {
  readonly open: (options: EngineOptions) => Promise<EncoderEngine>;
}

/** `npm run test:tensorflow` says so, once it has installed it; then `SHOWTELL_TENSORFLOW` names the folder. */
export const HAS_TENSORFLOW = process.env['SHOWTELL_TEST_TENSORFLOW'] === '1';

/** Every engine, on what is there on any machine. TensorFlow itself reads its settings from the environment of its process. */
export const COMPUTERS: readonly Computer[] = [
  { engine: 'onnx', device: 'cpu', open: openEngine },
  { engine: 'tensorflow', device: 'wasm', open: openEngine },
  ...(HAS_TENSORFLOW ? [{ engine: 'tensorflow', device: 'cpu', open: openTensorflow } as const] : []),
];

function openTensorflow(options: EngineOptions): Promise<EncoderEngine> {
  return startEngineProcess({ ...options, tensorflow: process.env['SHOWTELL_TENSORFLOW'] });
}
