import { ShowtellError } from '@showtell/shared/errors';
import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import type { FeatureStatistics } from './feature-statistics';
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

/** What one input of the graphs holds: one array, or a kernel with its bias as the last row. */
export type MatrixName =
  | 'encoder'
  | 'embedding'
  | 'lstm'
  | 'imageGates'
  | 'recurrent'
  | 'inputGain'
  | 'inputBias'
  | 'recurrentGain'
  | 'cellGain'
  | 'cellBias'
  | 'projection'
  | 'output'
  | 'outputBias'
  | 'mean'
  | 'deviation';

type Initial = 'glorot' | 'orthogonal' | 'embedding' | 'zeros' | 'ones' | 'forget';

/** One array of the captioner. */
interface CaptionerArray {
  readonly matrix: MatrixName;
  /** As Keras would call it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initial;
}

/**
 * Every array of the captioner in the order in which they lie in a flat buffer: each bias directly behind its kernel, so that both
 * are one matrix [rows + 1, columns], and what is not trained, the statistics of the features, at the end.
 */
function arraysOf(architecture: Architecture): CaptionerArray[] {
  const { dimension, vocabularySize, units, embedding, image, standardize, layerNorm, tiedEmbeddings } = architecture;
  const gates = 4 * units;
  const entry = image === 'first-input' ? embedding : units;
  const arrays: CaptionerArray[] = [];
  const add = (matrix: MatrixName, name: string, shape: readonly number[], initial: Initial) =>
    arrays.push({ matrix, name, shape, initial });
  add('encoder', 'encoder/kernel', [dimension, entry], 'glorot');
  add('encoder', 'encoder/bias', [entry], 'zeros');
  add('embedding', 'embedding/embeddings', [vocabularySize, embedding], 'embedding');
  add('lstm', 'lstm/kernel', [embedding, gates], 'glorot');
  if (!layerNorm) add('lstm', 'lstm/bias', [gates], 'forget');
  if (image === 'every-input') add('imageGates', 'lstm/image_kernel', [units, gates], 'glorot');
  add('recurrent', 'lstm/recurrent_kernel', [units, gates], 'orthogonal');
  if (layerNorm) {
    add('inputGain', 'lstm/input_norm/gamma', [gates], 'ones');
    add('inputBias', 'lstm/input_norm/beta', [gates], 'forget');
    add('recurrentGain', 'lstm/recurrent_norm/gamma', [gates], 'ones');
    add('cellGain', 'lstm/cell_norm/gamma', [units], 'ones');
    add('cellBias', 'lstm/cell_norm/beta', [units], 'zeros');
  }
  if (!tiedEmbeddings) add('output', 'output/kernel', [units, vocabularySize], 'glorot');
  else if (units !== embedding) add('projection', 'output/projection', [units, embedding], 'glorot');
  add(tiedEmbeddings ? 'outputBias' : 'output', 'output/bias', [vocabularySize], 'zeros');
  if (standardize) {
    add('mean', 'features/mean', [dimension], 'zeros');
    add('deviation', 'features/deviation', [dimension], 'ones');
  }
  return arrays;
}

const isTrained = ({ matrix }: CaptionerArray) => matrix !== 'mean' && matrix !== 'deviation';

/** The trained arrays, which have gradients and moments, with their shapes. */
export function parameterShapes(architecture: Architecture): Map<string, readonly number[]> {
  return new Map(arraysOf(architecture).flatMap((array) => (isTrained(array) ? [[array.name, array.shape]] : [])));
}

/** All arrays that captions are made with: the trained ones, then the statistics of the features. */
export function weightShapes(architecture: Architecture): Map<string, readonly number[]> {
  return new Map(arraysOf(architecture).map(({ name, shape }) => [name, shape]));
}

/** The matrices that an architecture has, with the arrays that each is made of. */
export function matricesOf(architecture: Architecture): Map<MatrixName, readonly string[]> {
  const matrices = new Map<MatrixName, string[]>();
  for (const { matrix, name } of arraysOf(architecture)) matrices.set(matrix, [...(matrices.get(matrix) ?? []), name]);
  return matrices;
}

/** [rows, columns], or [length] of a vector. */
export function matrixShape(name: MatrixName, architecture: Architecture): readonly number[] {
  const [kernel, bias] = arraysOf(architecture).filter(({ matrix }) => matrix === name);
  if (!kernel) throw new RangeError(`Expected a matrix of the network but received ${name}`);
  const [rows = 0, ...columns] = kernel.shape;
  return bias ? [rows + 1, ...columns] : kernel.shape;
}

/**
 * Fresh weights as Keras initialises these layers: Glorot-uniform kernels, an orthogonal recurrent kernel, embeddings uniform
 * in ±0.05, gains one, biases zero but the forget gate's, which are one. They depend on the architecture and the seed alone.
 * @param statistics of the training features, for a network that standardises them; without them mean is 0 and deviation 1.
 */
export function initialParameters(architecture: Architecture, seed: number, statistics?: FeatureStatistics): Map<string, NamedTensor> {
  const random = new Random(seed);
  return new Map(
    arraysOf(architecture).map(({ matrix, name, shape, initial }) => {
      const known = matrix === 'mean' || matrix === 'deviation' ? statistics?.[matrix].slice() : undefined;
      return [name, { name, dtype: 'F32', shape, data: known ?? initialData(random, initial, shape) }];
    }),
  );
}

function initialData(random: Random, initial: Initial, shape: readonly number[]): Float32Array {
  const [rows = 0, columns = 0] = shape;
  switch (initial) {
    case 'glorot':
      return uniform(random, rows * columns, Math.sqrt(6 / (rows + columns)));
    case 'orthogonal':
      return orthogonal(random, rows, columns);
    case 'embedding':
      return uniform(random, rows * columns, 0.05);
    case 'forget':
      return new Float32Array(rows).fill(1, rows / 4, rows / 2);
    default:
      return new Float32Array(rows).fill(initial === 'ones' ? 1 : 0);
  }
}

/**
 * Checks that `tensors` are exactly the weights of an architecture; `CORRUPT_CHECKPOINT` names the first that is not.
 * @param where names their origin in the message.
 */
export function checkParameters(tensors: ReadonlyMap<string, NamedTensor>, architecture: Architecture, where: string): void {
  checkTensors(tensors, weightShapes(architecture), where);
}

/** The same for moments, which only what is trained has. */
export function checkMoments(tensors: ReadonlyMap<string, NamedTensor>, architecture: Architecture, where: string): void {
  checkTensors(tensors, parameterShapes(architecture), where);
}

function checkTensors(tensors: ReadonlyMap<string, NamedTensor>, shapes: ReadonlyMap<string, readonly number[]>, where: string): void {
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
