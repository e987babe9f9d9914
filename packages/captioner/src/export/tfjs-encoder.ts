import { foldConvolution } from '@showtell/encoder-worker/encoder/fold';
import { INPUT, LAYERS, type Layer, OUTPUT } from '@showtell/encoder-worker/encoder/inception-v3';
import type { EncoderWeights } from '@showtell/encoder-worker/encoder/weights/tensors';
import { SIDE } from '@showtell/shared/image/limits';
import { type Layers, type LayersFiles, layersModelFiles, type SymbolicTensor, ZEROS } from '@showtell/shared/tensorflow/layers';

/** InceptionV3 as a layers model of TensorFlow.js: `pixels` 0–255 [B, 299, 299, 3] → feature [B, dimension]. */
export function tfjsEncoder(weights: EncoderWeights): Promise<LayersFiles> {
  return layersModelFiles(
    (keras) => inceptionV3(keras, weights),
    (name) => {
      const [, number, variable] = /^activation_(\d+)\/(kernel|bias)$/.exec(name)!;
      const { kernel, shape, bias } = foldConvolution(weights, Number(number));
      return variable === 'kernel' ? { shape, data: kernel } : { shape: [bias.length], data: bias };
    },
  );
}

function inceptionV3(keras: Layers, { convolutions }: EncoderWeights) {
  const pixels = keras.input({ shape: [SIDE, SIDE, 3], name: 'pixels' });
  const values = new Map<string, SymbolicTensor>([[INPUT, pixels]]);
  const apply = (layer: Layer): SymbolicTensor => {
    const { name } = layer;
    if (layer.kind === 'concat')
      return keras.layers.concatenate({ name }).apply(layer.inputs.map((input) => values.get(input)!)) as SymbolicTensor;
    const made =
      layer.kind === 'convolution'
        ? keras.layers.conv2d({
            filters: convolutions[layer.number - 1]!.beta.length,
            kernelSize: [...layer.kernel],
            strides: layer.stride,
            padding: layer.padding,
            activation: 'relu',
            name,
            ...ZEROS,
          })
        : layer.kind === 'max'
          ? keras.layers.maxPooling2d({ poolSize: 3, strides: 2, name })
          : keras.layers.averagePooling2d({ poolSize: 3, strides: 1, padding: 'same', name });
    return made.apply(values.get(layer.input)!) as SymbolicTensor;
  };
  for (const layer of LAYERS) values.set(layer.name, apply(layer));
  const feature = keras.layers.globalAveragePooling2d({ name: 'feature' }).apply(values.get(OUTPUT)!) as SymbolicTensor;
  return { inputs: [pixels], outputs: { feature } };
}
