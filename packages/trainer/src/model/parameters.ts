import { ShowtellError } from '@showtell/shared/errors';
import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { Random } from './random';

/** The hyper-parameters that shape the network; the others shape its fit. */
type Shaping = Pick<Hyperparameters, 'units' | 'embedding' | 'image' | 'imageActivation' | 'standardize' | 'layerNorm' | 'tiedEmbeddings'>;

/** What fixes the network: its arrays, their shapes and how they are computed with. */
export interface Architecture extends Shaping {
  /** Length of a feature (F). */
  readonly dimension: number;
  /** Words with PAD, START, END and UNKNOWN (V). */
  readonly vocabularySize: number;
}

export function architectureOf(hyperparameters: Shaping, dimension: number, vocabularySize: number): Architecture {
  const { units, embedding, image, imageActivation, standardize, layerNorm, tiedEmbeddings } = hyperparameters;
  return { dimension, vocabularySize, units, embedding, image, imageActivation, standardize, layerNorm, tiedEmbeddings };
}

/**
 * The captioner's eight arrays by Keras' names, with their shapes, in the order in which they lie in a flat buffer:
 * each bias directly behind its kernel, so that both are one matrix [rows + 1, columns].
 */
export function parameterShapes({ dimension, units, embedding, vocabularySize }: Architecture): Map<string, readonly number[]> {
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

export function matrixShape(name: MatrixName, architecture: Architecture): readonly [rows: number, columns: number] {
  const [rows = 0, columns = 0] = parameterShapes(architecture).get(MATRICES[name][0]) ?? [];
  return [rows + MATRICES[name].length - 1, columns];
}

/**
 * Fresh weights as Keras initialises these layers: Glorot-uniform kernels, an orthogonal recurrent kernel, embeddings uniform
 * in ±0.05, biases zero but the forget gate's, which are one. They depend on the architecture and the seed alone.
 */
export function initialParameters(architecture: Architecture, seed: number): Map<string, NamedTensor> {
  const random = new Random(seed);
  const parameters = new Map<string, NamedTensor>();
  for (const [name, shape] of parameterShapes(architecture)) {
    const [rows = 0, columns = 0] = shape;
    const data =
      name === 'lstm/recurrent_kernel'
        ? orthogonal(random, rows, columns)
        : name === 'embedding/embeddings'
          ? uniform(random, rows * columns, 0.05)
          : shape.length === 2
            ? uniform(random, rows * columns, Math.sqrt(6 / (rows + columns)))
            : new Float32Array(rows);
    if (name === 'lstm/bias') data.fill(1, architecture.units, 2 * architecture.units);
    parameters.set(name, { name, dtype: 'F32', shape, data });
  }
  return parameters;
}

/**
 * Checks that `tensors` are exactly the captioner's arrays; `CORRUPT_CHECKPOINT` names the first that is not.
 * @param where names their origin in the message.
 */
export function checkParameters(tensors: ReadonlyMap<string, NamedTensor>, architecture: Architecture, where: string): void {
  const shapes = parameterShapes(architecture);
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
