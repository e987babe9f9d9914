import { Tensor } from '@showtell/shared/onnx/session';
import type { ParameterBuffer } from './parameter-buffer';
import type { MatrixName } from './parameters';

/** Matrices of a buffer as onnxruntime takes them, by their names; they share the buffer's memory. */
export function matrixTensors(buffer: ParameterBuffer, names: readonly MatrixName[] = buffer.matrices): Record<string, Tensor> {
  return Object.fromEntries(
    names.map((name) => {
      const { data, shape } = buffer.matrix(name);
      return [name, new Tensor('float32', data, shape)];
    }),
  );
}
