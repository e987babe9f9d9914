import type { NamedTensor } from '@showtell/shared/safetensors';
import { type Architecture, type MatrixName, matricesOf, matrixShape, parameterShapes, weightShapes } from './parameters';

const lengthOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** The captioner's arrays, those that are trained back to back in one float32 buffer, so that the optimizer makes one pass over them. */
export class ParameterBuffer {
  /** What is trained. */
  readonly flat: Float32Array;
  readonly #arrays = new Map<string, { shape: readonly number[]; view: Float32Array }>();
  readonly #matrices = new Map<MatrixName, { data: Float32Array; shape: readonly number[] }>();

  /**
   * @param flat where the trained arrays are to lie; absent: memory of their own.
   * @param held `trained`: only those, as gradients and moments are; `weights`: the statistics of the features, too.
   */
  constructor(architecture: Architecture, flat?: Float32Array, held: 'weights' | 'trained' = 'weights') {
    const trained = parameterShapes(architecture);
    this.flat = flat ?? new Float32Array([...trained.values()].reduce((sum, shape) => sum + lengthOf(shape), 0));
    let offset = 0;
    for (const [name, shape] of held === 'weights' ? weightShapes(architecture) : trained) {
      const length = lengthOf(shape);
      const view = trained.has(name) ? this.flat.subarray(offset, (offset += length)) : new Float32Array(length);
      this.#arrays.set(name, { shape, view });
    }
    for (const [name, [kernel = '']] of matricesOf(architecture)) {
      const first = this.#arrays.get(kernel)?.view;
      if (!first) continue;
      const shape = matrixShape(name, architecture);
      this.#matrices.set(name, { data: new Float32Array(first.buffer, first.byteOffset, lengthOf(shape)), shape });
    }
  }

  /** The matrices that it holds. */
  get matrices(): readonly MatrixName[] {
    return [...this.#matrices.keys()];
  }

  /** A view on a kernel and the bias behind it, [rows, columns] row-major, or on a vector. */
  matrix(name: MatrixName): { data: Float32Array; shape: readonly number[] } {
    const found = this.#matrices.get(name);
    if (!found) throw new RangeError(`Expected one of the matrices ${this.matrices.join(', ')} but received ${name}`);
    return found;
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
