import { Graph, type Value } from '@showtell/shared/onnx/graph';
import type { NamedTensor } from '@showtell/shared/safetensors';
import { firstState, rememberedBy } from '@showtell/trainer/decoding/step-graph';
import { logits, Network, type State } from '@showtell/trainer/model/network';
import { ParameterBuffer } from '@showtell/trainer/model/parameter-buffer';
import type { Architecture, MatrixName } from '@showtell/trainer/model/parameters';

/** The captioner as two ONNX models with the weights in them; B is any number of photos. */
export interface OnnxCaptioner {
  /** `features` float32 [B, F] → the state before the first word: `hidden` and `cell` [B, U], where the network has it `image` [B, 4U]. */
  readonly image: Uint8Array;
  /** `token` int64 [B] and the state → `log_probabilities` float32 [B, V] of the next token, `next_hidden`, `next_cell`. */
  readonly step: Uint8Array;
}

export function onnxCaptioner(weights: ReadonlyMap<string, NamedTensor>, architecture: Architecture): OnnxCaptioner {
  const buffer = new ParameterBuffer(architecture);
  buffer.load(weights);
  return { image: imageModel(buffer, architecture), step: stepModel(buffer, architecture) };
}

function imageModel(weights: ParameterBuffer, architecture: Architecture): Uint8Array {
  const graph = new Graph();
  const network = networkOf(graph, weights, architecture);
  const state = firstState(network, graph.input('features', 'float32', ['B', architecture.dimension]));
  for (const { name, width } of rememberedBy(architecture)) give(graph, name, state[name]!, width);
  return graph.encode();
}

function stepModel(weights: ParameterBuffer, architecture: Architecture): Uint8Array {
  const graph = new Graph();
  const network = networkOf(graph, weights, architecture);
  const token = graph.input('token', 'int64', ['B']);
  const state = Object.fromEntries(rememberedBy(architecture).map(({ name, width }) => [name, graph.input(name, 'float32', ['B', width])]));
  const next = network.next(network.input(network.embed(token)), state as unknown as State);
  const scores = graph.op('LogSoftmax', [logits(graph, network.output(next.hidden))], { axis: 1 });
  give(graph, 'log_probabilities', scores, architecture.vocabularySize);
  give(graph, 'next_hidden', next.hidden, architecture.units);
  give(graph, 'next_cell', next.cell, architecture.units);
  return graph.encode();
}

function networkOf(graph: Graph, weights: ParameterBuffer, architecture: Architecture): Network {
  return new Network(graph, architecture, (name: MatrixName) => {
    const { data, shape } = weights.matrix(name);
    return graph.initializer(name, 'float32', shape, data);
  });
}

/** An output under the name that its readers know. */
function give(graph: Graph, name: string, value: Value, width: number): void {
  graph.op('Identity', [value], {}, { output: name });
  graph.output(name, 'float32', ['B', width]);
}
