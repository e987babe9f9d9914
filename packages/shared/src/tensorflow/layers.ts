import type { io } from '@tensorflow/tfjs-core';
import type * as Keras from '@tensorflow/tfjs-layers';
import type { NamedTensor } from '../safetensors';
import { loadAnyTensorflow } from './load';

export type { SymbolicTensor } from '@tensorflow/tfjs-layers';
/** TensorFlow.js' layers. */
export type Layers = typeof Keras;

/** A model before it has weights: its inputs in order, and its outputs by name, in order. */
export interface LayersModelOf {
  readonly inputs: Keras.SymbolicTensor[];
  readonly outputs: Readonly<Record<string, Keras.SymbolicTensor>>;
}

/** A model as the files that `tf.loadLayersModel` wants side by side: `model.json`, and weights in shards. */
export interface LayersFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Names of what goes in and comes out, in the order in which `predict` has them. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** Browsers keep responses of this size in their cache; TensorFlow's own converter cuts weights alike. */
const SHARD_BYTES = 4 * 1024 * 1024;

/** What a layer begins with is overwritten, and drawing it would take longer than all else. */
export const ZEROS = { kernelInitializer: 'zeros', biasInitializer: 'zeros' } as const;

/**
 * Builds a model of layers, fills it and saves it.
 * @param weightsOf an array by its name, `<layer>/<variable>`.
 */
export async function layersModelFiles(
  build: (keras: Layers) => LayersModelOf,
  weightsOf: (name: string) => Pick<NamedTensor, 'shape' | 'data'>,
): Promise<LayersFiles> {
  const { tf } = await loadAnyTensorflow();
  const keras = require('@tensorflow/tfjs-layers') as Layers;
  const { inputs, outputs } = build(keras);
  const model = keras.model({ inputs, outputs: Object.values(outputs) });
  try {
    const tensors = model.weights.map(({ originalName }) => {
      const { data, shape } = weightsOf(originalName);
      return tf.tensor(data, [...shape], 'float32');
    });
    model.setWeights(tensors);
    tf.dispose(tensors);
    let artifacts: io.ModelArtifacts = {};
    await model.save(
      tf.io.withSaveHandler((saved) => {
        artifacts = saved;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } });
      }),
    );
    return { files: filesOf(artifacts), inputs: inputs.map(({ name }) => name), outputs: Object.keys(outputs) };
  } finally {
    model.dispose();
  }
}

function filesOf({ modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy }: io.ModelArtifacts): Map<string, Uint8Array> {
  const weights = Buffer.concat([weightData ?? []].flat().map((part) => new Uint8Array(part)));
  const count = Math.max(1, Math.ceil(weights.length / SHARD_BYTES));
  const paths = Array.from({ length: count }, (_, index) => `group1-shard${index + 1}of${count}.bin`);
  const model = { format, generatedBy, convertedBy, modelTopology, weightsManifest: [{ paths, weights: weightSpecs }] };
  return new Map<string, Uint8Array>([
    ['model.json', Buffer.from(JSON.stringify(model))],
    ...paths.map((path, index) => [path, weights.subarray(index * SHARD_BYTES, (index + 1) * SHARD_BYTES)] as const),
  ]);
}
