import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Architecture } from '@showtell/trainer/model/parameters';

type Weights = ReadonlyMap<string, NamedTensor>;
type Tensor = Pick<NamedTensor, 'shape' | 'data'>;

/** Arrays of `CaptionerLayers` that have another name in a checkpoint; the rest have the same. */
const NAMES: Readonly<Record<string, string>> = {
  'recurrent/kernel': 'lstm/recurrent_kernel',
  'input_norm/gamma': 'lstm/input_norm/gamma',
  'input_norm/beta': 'lstm/input_norm/beta',
  'recurrent_norm/gamma': 'lstm/recurrent_norm/gamma',
  'cell_norm/gamma': 'lstm/cell_norm/gamma',
  'cell_norm/beta': 'lstm/cell_norm/beta',
  'projection/kernel': 'output/projection',
  'features/moving_mean': 'features/mean',
};

/** An array of a layer of `CaptionerLayers` by its name, of the checkpoint's weights. */
export function layerWeights(weights: Weights, { image, tiedEmbeddings }: Architecture, name: string): Tensor {
  const found = (own: string) => weights.get(own)!;
  if (name === 'lstm/kernel' && image === 'every-input') return rows([found('lstm/kernel'), found('lstm/image_kernel')]);
  if (name === 'output/kernel' && tiedEmbeddings) return transposed(found('embedding/embeddings'));
  if (name === 'features/gamma') return like(found('features/deviation'), (deviation) => 1 / deviation);
  if (name === 'features/moving_variance') return like(found('features/deviation'), () => 1);
  return found(NAMES[name] ?? name);
}

/** Matrices of the same columns, one below the other. */
function rows(matrices: readonly Tensor[]): Tensor {
  const count = matrices.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return { shape: [count, matrices[0]!.shape[1]!], data: Float32Array.from(matrices.flatMap(({ data }) => [...data])) };
}

function transposed({ shape: [height = 0, width = 0], data }: Tensor): Tensor {
  const result = new Float32Array(data.length);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) result[column * height + row] = data[row * width + column]!;
  return { shape: [width, height], data: result };
}

const like = ({ shape, data }: Tensor, change: (value: number) => number): Tensor => ({ shape, data: Float32Array.from(data, change) });
