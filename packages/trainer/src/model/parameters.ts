import { ShowtellError } from '@showtell/shared/errors';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { Random } from './random';

/** The sizes that fix every shape of the captioner. */
export interface CaptionerSizes {
  /** Length of a feature (F). */
  readonly dimension: number;
  /** LSTM units (U). */
  readonly units: number;
  /** Length of a word's embedding (E). */
  readonly embedding: number;
  /** Words with PAD, START, END and UNKNOWN (V). */
  readonly vocabularySize: number;
}

/**
 * The captioner's eight arrays by Keras' names, with their shapes, in the order in which they lie in a flat buffer:
 * each bias directly behind its kernel, so that both are one matrix [rows + 1, columns].
 */
export function parameterShapes({ dimension, units, embedding, vocabularySize }: CaptionerSizes): Map<string, readonly number[]> {
  return new Map<string, readonly number[]>([
    ['encoder/kernel', [dimension, units]],
    ['encoder/bias', [units]],
    ['embedding/embeddings', [vocabularySize, embedding]],
    ['lstm/kernel', [embedding, 4 * units]],
    ['lstm/bias', [4 * units]],
    ['lstm/recurrent_kernel', [units, 4 * units]],
    ['output/kernel', [units, vocabularySize]],
    ['output/bias', [vocabularySize]],
  ]);
}

/** The matrices that the graphs compute with: a kernel with its bias as the last row. */
export const MATRICES = {
  encoder: ['encoder/kernel', 'encoder/bias'],
  embedding: ['embedding/embeddings'],
  lstm: ['lstm/kernel', 'lstm/bias'],
  recurrent: ['lstm/recurrent_kernel'],
  output: ['output/kernel', 'output/bias'],
} as const;
export type MatrixName = keyof typeof MATRICES;

export function matrixShape(name: MatrixName, sizes: CaptionerSizes): readonly [rows: number, columns: number] {
  const [rows = 0, columns = 0] = parameterShapes(sizes).get(MATRICES[name][0]) ?? [];
  return [rows + MATRICES[name].length - 1, columns];
}

/**
 * Fresh weights as Keras initialises these layers: Glorot-uniform kernels, an orthogonal recurrent kernel, embeddings uniform
 * in ±0.05, biases zero but the forget gate's, which are one. They depend on the sizes and the seed alone.
 */
export function initialParameters(sizes: CaptionerSizes, seed: number): Map<string, NamedTensor> {
  const random = new Random(seed);
  const parameters = new Map<string, NamedTensor>();
  for (const [name, shape] of parameterShapes(sizes)) {
    const [rows = 0, columns = 0] = shape;
    const data =
      name === 'lstm/recurrent_kernel'
        ? orthogonal(random, rows, columns)
        : name === 'embedding/embeddings'
          ? uniform(random, rows * columns, 0.05)
          : shape.length === 2
            ? uniform(random, rows * columns, Math.sqrt(6 / (rows + columns)))
            : new Float32Array(rows);
    if (name === 'lstm/bias') data.fill(1, sizes.units, 2 * sizes.units);
    parameters.set(name, { name, dtype: 'F32', shape, data });
  }
  return parameters;
}

/**
 * Checks that `tensors` are exactly the captioner's arrays; `CORRUPT_CHECKPOINT` names the first that is not.
 * @param where names their origin in the message.
 */
export function checkParameters(tensors: ReadonlyMap<string, NamedTensor>, sizes: CaptionerSizes, where: string): void {
  const shapes = parameterShapes(sizes);
  for (const [name, shape] of shapes) {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== 'F32' || tensor.shape.join() !== shape.join())
      throw new ShowtellError(
        'CORRUPT_CHECKPOINT',
        `Expected F32 [${shape.join(', ')}] for ${name} in ${where} but received ${tensor ? `${tensor.dtype} [${tensor.shape.join(', ')}]` : 'nothing'}`,
      );
  }
  const unknown = [...tensors.keys()].find((name) => !shapes.has(name));
  if (unknown !== undefined)
    throw new ShowtellError('CORRUPT_CHECKPOINT', `Expected only ${[...shapes.keys()].join(', ')} in ${where} but received ${unknown}`);
}

/** The sizes that a set of weights has. */
export function sizesOf(tensors: ReadonlyMap<string, NamedTensor>, where: string): CaptionerSizes {
  const [dimension = 0, units = 0] = tensors.get('encoder/kernel')?.shape ?? [];
  const [vocabularySize = 0, embedding = 0] = tensors.get('embedding/embeddings')?.shape ?? [];
  const sizes = { dimension, units, embedding, vocabularySize };
  checkParameters(tensors, sizes, where);
  return sizes;
}

function uniform(random: Random, length: number, limit: number): Float32Array {
  return Float32Array.from({ length }, () => (2 * random.uniform() - 1) * limit);
}

/** `rows` ≤ `columns` orthonormal rows, uniformly distributed: normal numbers through modified Gram–Schmidt, in float64. */
function orthogonal(random: Random, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  const done: Float64Array[] = [];
  for (let row = 0; row < rows; row++) {
    const vector = Float64Array.from({ length: columns }, () => random.normal());
    for (const other of done) {
      const projection = dot(vector, other);
      for (let column = 0; column < columns; column++) vector[column]! -= projection * other[column]!;
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let column = 0; column < columns; column++) vector[column]! /= norm;
    done.push(vector);
    result.set(vector, row * columns);
  }
  return result;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
