import type { NamedTensor } from '@showtell/shared/safetensors';
import { type Architecture, MATRICES, type MatrixName, matrixShape, parameterShapes } from './parameters';

/** One float32 buffer that holds the captioner's arrays back to back, so that the optimizer makes one pass over all of them. */
export class ParameterBuffer {
  readonly flat: Float32Array;
  readonly #architecture: Architecture;
  readonly #arrays = new Map<string, { shape: readonly number[]; view: Float32Array }>();

  /** @param flat where the arrays are to lie; absent: memory of their own. */
  constructor(architecture: Architecture, flat?: Float32Array) {
    this.#architecture = architecture;
    const shapes = [...parameterShapes(architecture)].map(([name, shape]) => ({ name, shape, length: shape.reduce((a, b) => a * b, 1) }));
    this.flat = flat ?? new Float32Array(shapes.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const { name, shape, length } of shapes) {
      this.#arrays.set(name, { shape, view: this.flat.subarray(offset, offset + length) });
      offset += length;
    }
  }

  /** A view on a kernel and the bias behind it, [rows, columns] row-major. */
  matrix(name: MatrixName): { data: Float32Array; shape: readonly [number, number] } {
    const shape = matrixShape(name, this.#architecture);
    const start = (this.#arrays.get(MATRICES[name][0])!.view.byteOffset - this.flat.byteOffset) / Float32Array.BYTES_PER_ELEMENT;
    return { data: this.flat.subarray(start, start + shape[0] * shape[1]), shape };
  }

  /** Copies of the arrays by Keras' names. */
  tensors(): Map<string, NamedTensor> {
    return new Map([...this.#arrays].map(([name, { shape, view }]) => [name, { name, dtype: 'F32', shape, data: view.slice() }]));
  }

  /** Overwrites every array; the tensors' names and shapes have been checked. */
  load(tensors: ReadonlyMap<string, NamedTensor>): void {
    for (const [name, { view }] of this.#arrays) view.set(tensors.get(name)!.data);
  }
}
