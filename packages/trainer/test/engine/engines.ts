import { loadTensorflow } from '@showtell/shared/tensorflow/load';
import type { CreateTrainingEngine } from '../../src/engine/engine';
import { createOnnxTrainingEngine } from '../../src/engine/onnx';
import { tensorflowTrainingEngine } from '../../src/engine/tensorflow';

/** Whether TensorFlow itself is installed for the tests, as `npm run test:tensorflow` does; then it stands in for WebAssembly. */
export const TENSORFLOW = process.env['SHOWTELL_TEST_TENSORFLOW'] === '1' ? process.env['SHOWTELL_TENSORFLOW'] : undefined;

/** TensorFlow.js has one backend in a process. */
export const loadTested = () =>
  TENSORFLOW === undefined
    ? loadTensorflow({ device: 'wasm', threads: 1, folder: '' })
    : loadTensorflow({ device: 'cpu', threads: 1, folder: TENSORFLOW });

export const TENSORFLOW_NAME = TENSORFLOW === undefined ? 'tensorflow on WebAssembly' : 'tensorflow on TensorFlow itself';

export const createTensorflow = async (): Promise<CreateTrainingEngine> => tensorflowTrainingEngine((await loadTested()).tf);

/** Every engine by its name. */
export const ENGINES: Readonly<Record<string, () => Promise<CreateTrainingEngine>>> = {
  onnx: () => Promise.resolve(createOnnxTrainingEngine),
  [TENSORFLOW_NAME]: createTensorflow,
};
