import type { NamedTensor } from '@showtell/shared/safetensors';
import { type LayersFiles, layersModelFiles } from '@showtell/shared/tensorflow/layers';
import type { Architecture } from '@showtell/trainer/model/parameters';
import { CaptionerLayers } from './captioner-layers';
import { layerWeights } from './layer-weights';

/** The captioner as two layers models of TensorFlow.js, of stock layers. B is any number of photos. */
export interface TfjsCaptioner {
  /** feature [B, F] → the state before the first word: hidden and cell [B, U], where the network has it the photo [B, U]. */
  readonly image: LayersFiles;
  /** token [B, 1] and the state → logits of the next token [B, V], hidden, cell. */
  readonly step: LayersFiles;
}

export async function tfjsCaptioner(weights: ReadonlyMap<string, NamedTensor>, architecture: Architecture): Promise<TfjsCaptioner> {
  const weightsOf = (name: string) => layerWeights(weights, architecture, name);
  return {
    image: await layersModelFiles((keras) => new CaptionerLayers(keras, architecture).image(), weightsOf),
    step: await layersModelFiles((keras) => new CaptionerLayers(keras, architecture).step(), weightsOf),
  };
}
