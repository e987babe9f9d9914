import { SIDE } from '@showtell/shared/image/limits';
import { type Attribute, Graph } from '@showtell/shared/onnx/graph';
import { addEncoder, unpooled } from '../engines/onnx-graph';
import { type Convolution, INPUT, LAYERS, layerSides, pooledBy } from '../inception-v3';
import type { EncoderWeights } from '../weights/tensors';
import { Histogram } from './histogram';

/** What quantising must know of the float32 encoder at work; numbers of a layer are per channel. */
export interface Statistics {
  /** Of every layer. */
  readonly means: ReadonlyMap<string, Float64Array>;
  /** Of convolutions, and of what goes into average pools (under `unpooled(name)`). */
  readonly greatest: ReadonlyMap<string, Float64Array>;
  /** Of what goes into average pools. */
  readonly least: ReadonlyMap<string, Float64Array>;
  /** By convolution: a sample of its output. */
  readonly outputs: ReadonlyMap<string, Histogram>;
}

/** Outputs of the graph, by name. */
export type StatisticsOutputs = Readonly<Record<string, Float32Array>>;

/** Rows and columns of a layer that are looked at: neighbours say much the same. */
const SAMPLED_ROWS = 12;
/** Means are rounded to multiples of it, so that their sums are exact in float64 and do not depend on the order of the photos. */
const GRID = 2 ** -20;

const CONVOLUTION_LAYERS = LAYERS.filter((layer): layer is Convolution => layer.kind === 'convolution');
const NAMES = CONVOLUTION_LAYERS.map(({ name }) => name);
const UNPOOLED = CONVOLUTION_LAYERS.filter(pooledBy).map(({ name }) => unpooled(name));
/** A concat's means are those of its inputs. */
const AVERAGED = [INPUT, ...LAYERS.filter(({ kind }) => kind === 'convolution' || kind === 'max').map(({ name }) => name)];

/** The float32 encoder, which gives means, extremes and samples in place of features. */
export function statisticsGraph(weights: EncoderWeights): Uint8Array {
  const graph = new Graph();
  const values = addEncoder(graph, weights);
  const sides = layerSides(SIDE);
  const give = (name: string, opType: string, layer: string, attributes: Record<string, Attribute>, shape: readonly string[]) => {
    graph.op(opType, [values.get(layer)!], attributes, { output: name });
    graph.output(name, 'float32', ['n', ...shape.map((dimension) => `${layer} ${dimension}`)]);
  };
  // Pools are what onnxruntime computes in the blocked layout of its convolutions; everything else would be copied out of it first.
  for (const layer of AVERAGED) give(`mean ${layer}`, 'GlobalAveragePool', layer, {}, ['channels', 'one', 'one']);
  for (const layer of [...NAMES, ...UNPOOLED]) give(`greatest ${layer}`, 'GlobalMaxPool', layer, {}, ['channels', 'one', 'one']);
  for (const layer of UNPOOLED) give(`least ${layer}`, 'ReduceMin', layer, { axes: [2, 3], keepdims: 0 }, ['channels']);
  for (const layer of NAMES) {
    const stride = Math.ceil(sides.get(layer)! / SAMPLED_ROWS);
    give(`sample ${layer}`, 'MaxPool', layer, { kernel_shape: [1, 1], strides: [stride, stride] }, ['channels', 'rows', 'columns']);
  }
  return graph.encode();
}

/** Gathers what the graph gave. The same photos give the same statistics, in whatever order and batches they come. */
export class StatisticsCollector {
  #photos = 0;
  readonly #sums = new Map<string, Float64Array>();
  readonly #greatest = new Map<string, Float64Array>();
  readonly #least = new Map<string, Float64Array>();
  readonly #outputs = new Map(NAMES.map((layer) => [layer, new Histogram()]));

  get photos(): number {
    return this.#photos;
  }

  /** @throws RangeError naming the layer whose output is not finite. */
  add(outputs: StatisticsOutputs, photos: number): void {
    this.#photos += photos;
    for (const layer of AVERAGED) {
      const means = outputs[`mean ${layer}`]!;
      if (!means.every(Number.isFinite)) throw new RangeError(`The output of layer ${layer} is not finite`);
      gather(this.#sums, layer, means, photos, (sum, mean) => sum + Math.round(mean / GRID) * GRID);
    }
    for (const layer of [...NAMES, ...UNPOOLED]) gather(this.#greatest, layer, outputs[`greatest ${layer}`]!, photos, Math.max);
    for (const layer of UNPOOLED) gather(this.#least, layer, outputs[`least ${layer}`]!, photos, Math.min);
    for (const layer of NAMES) this.#outputs.get(layer)!.add(outputs[`sample ${layer}`]!);
  }

  statistics(): Statistics {
    const means = new Map([...this.#sums].map(([layer, sums]) => [layer, sums.map((sum) => sum / this.#photos)]));
    for (const layer of LAYERS)
      if (layer.kind === 'concat') means.set(layer.name, Float64Array.from(layer.inputs.flatMap((input) => [...means.get(input)!])));
    return { means, greatest: this.#greatest, least: this.#least, outputs: this.#outputs };
  }
}

/** Brings [photos, channels] numbers together, channel by channel, beginning with 0. */
function gather(
  into: Map<string, Float64Array>,
  layer: string,
  numbers: Float32Array,
  photos: number,
  combine: (before: number, number: number) => number,
): void {
  const channels = numbers.length / photos;
  const all = into.get(layer) ?? new Float64Array(channels);
  for (let index = 0; index < numbers.length; index++) all[index % channels] = combine(all[index % channels]!, numbers[index]!);
  into.set(layer, all);
}
