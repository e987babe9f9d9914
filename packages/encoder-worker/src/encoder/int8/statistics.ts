import { SIDE } from '@showtell/shared/image/limits';
import { Graph } from '@showtell/shared/onnx/graph';
import { addEncoder, unpooled } from '../engines/onnx-graph';
import { type Convolution, INPUT, LAYERS, layerSides, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import { Histogram } from './histogram';

/** What quantising must know of the float32 encoder at work. */
export interface Statistics {
  /** By layer: the mean of every channel. */
  readonly means: ReadonlyMap<string, Float64Array>;
  /** By convolution: a sample of its output. */
  readonly outputs: ReadonlyMap<string, Histogram>;
  /** By convolution that is pooled: the least and greatest number that goes into the pool. */
  readonly unpooled: ReadonlyMap<string, Extent>;
}

export interface Extent {
  readonly least: number;
  readonly greatest: number;
}

/** Outputs of the graph, by name. */
export type StatisticsOutputs = Readonly<Record<string, Float32Array>>;

/** Rows and columns of a layer that are looked at: neighbours say much the same. */
const SAMPLED_ROWS = 12;
/** Means are rounded to multiples of it, so that their sums are exact in float64 and do not depend on the order of the photos. */
const GRID = 2 ** -20;

const CONVOLUTION_LAYERS = LAYERS.filter((layer): layer is Convolution => layer.kind === 'convolution');
/** Layers whose channels' means are measured; a concat's are those of its inputs. */
const AVERAGED = [INPUT, ...LAYERS.filter(({ kind }) => kind === 'convolution' || kind === 'max').map(({ name }) => name)];

/** The float32 encoder, which gives means, samples and extents (per photo) in place of features. */
export function statisticsGraph(weights: EncoderWeights): Uint8Array {
  const graph = new Graph();
  const values = addEncoder(graph, weights);
  const sides = layerSides(SIDE);
  // Pools are what onnxruntime computes in the blocked layout of its convolutions; everything else would be copied out of it first.
  for (const layer of AVERAGED) {
    graph.op('Flatten', [graph.op('GlobalAveragePool', [values.get(layer)!])], { axis: 1 }, { output: `mean ${layer}` });
    graph.output(`mean ${layer}`, 'float32', ['n', `${layer} channels`]);
  }
  for (const layer of CONVOLUTION_LAYERS) {
    const { name } = layer;
    const stride = Math.ceil(sides.get(name)! / SAMPLED_ROWS);
    graph.op('MaxPool', [values.get(name)!], { kernel_shape: [1, 1], strides: [stride, stride] }, { output: `sample ${name}` });
    graph.output(`sample ${name}`, 'float32', ['n', `${name} channels`, `${name} rows`, `${name} columns`]);
    if (pooledBy(layer))
      for (const [extent, op] of [
        ['least', 'ReduceMin'],
        ['greatest', 'ReduceMax'],
      ] as const) {
        graph.op(op, [values.get(unpooled(name))!], { axes: [1, 2, 3], keepdims: 0 }, { output: `${extent} ${name}` });
        graph.output(`${extent} ${name}`, 'float32', ['n']);
      }
  }
  return graph.encode();
}

/** Gathers what the graph gave. The same photos give the same statistics, in whatever order and batches they come. */
export class StatisticsCollector {
  #photos = 0;
  readonly #sums = new Map<string, Float64Array>();
  readonly #outputs = new Map(CONVOLUTION_LAYERS.map(({ name }) => [name, new Histogram()]));
  readonly #unpooled = new Map<string, Extent>();

  get photos(): number {
    return this.#photos;
  }

  /** @throws RangeError naming the layer whose output is not finite. */
  add(outputs: StatisticsOutputs, photos: number): void {
    this.#photos += photos;
    for (const layer of AVERAGED) this.#addMeans(layer, outputs[`mean ${layer}`]!, photos);
    for (const layer of CONVOLUTION_LAYERS) {
      const { name } = layer;
      this.#outputs.get(name)!.add(outputs[`sample ${name}`]!);
      if (!pooledBy(layer)) continue;
      const before = this.#unpooled.get(name);
      this.#unpooled.set(name, {
        least: Math.min(before?.least ?? 0, ...outputs[`least ${name}`]!),
        greatest: Math.max(before?.greatest ?? 0, ...outputs[`greatest ${name}`]!),
      });
    }
  }

  #addMeans(layer: string, means: Float32Array, photos: number): void {
    const channels = means.length / photos;
    const sums = this.#sums.get(layer) ?? new Float64Array(channels);
    this.#sums.set(layer, sums);
    for (let index = 0; index < means.length; index++) {
      if (!Number.isFinite(means[index])) throw new RangeError(`The output of layer ${layer} is not finite`);
      sums[index % channels]! += Math.round(means[index]! / GRID) * GRID;
    }
  }

  statistics(): Statistics {
    const means = new Map([...this.#sums].map(([layer, sums]) => [layer, sums.map((sum) => sum / this.#photos)]));
    for (const layer of LAYERS)
      if (layer.kind === 'concat') means.set(layer.name, Float64Array.from(layer.inputs.flatMap((input) => [...means.get(input)!])));
    return { means, outputs: this.#outputs, unpooled: this.#unpooled };
  }
}
