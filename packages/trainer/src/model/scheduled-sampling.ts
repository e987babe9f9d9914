import { ELEMENT_TYPE, type Value } from '@showtell/shared/onnx/graph';
import { logits, type Network } from './network';
import type { PackedBatch } from './packed-batch';
import type { Random } from './random';
import { END } from './tokens';

/** Inputs of the training graph; K is the number of tokens that are replaced. */
export const SAMPLED = { places: 'sampledPlaces', from: 'sampledFrom', chances: 'sampledChances' } as const;

/** Which of a batch's tokens are replaced. */
export interface SampledPlaces {
  /** int64 [K]: places of the tokens, in the packed order */
  readonly places: BigInt64Array;
  /** int64 [K]: the place of the token read before each, whose output says what could come */
  readonly from: BigInt64Array;
  /** float32 [K, 1]: a number from [0, 1) each, that says which of it */
  readonly chances: Float32Array;
}

/** Every token but START is replaced with the same probability. */
export function samplePlaces({ running }: PackedBatch, probability: number, random: Random): SampledPlaces {
  const places: number[] = [];
  const from: number[] = [];
  const chances: number[] = [];
  let start = 0;
  for (let step = 1; step < running.length; step++) {
    const before = Number(running[step - 1]);
    start += before;
    for (let row = 0; row < Number(running[step]); row++) {
      if (random.uniform() >= probability) continue;
      places.push(start + row);
      from.push(start - before + row);
      chances.push(random.uniform());
    }
  }
  return { places: BigInt64Array.from(places, BigInt), from: BigInt64Array.from(from, BigInt), chances: Float32Array.from(chances) };
}

/**
 * Scheduled sampling (Bengio et al. 2015) in two passes (Duckworth et al. 2019): the words to be replaced are drawn from what the
 * network says when it reads the true ones, all at once, so that the second pass, the one that has a gradient, is as parallel as ever.
 * Scores are computed for the drawn places only. PAD, START and END are no words: where one is drawn, the true token stays.
 *
 * @param states [N, U]: the LSTM's output of the first pass
 * @returns int64 [N]: the tokens to read
 */
export function ownWords(network: Network, tokens: Value, states: Value): Value {
  const { graph } = network;
  graph.input(SAMPLED.places, 'int64', ['K']);
  graph.input(SAMPLED.from, 'int64', ['K']);
  graph.input(SAMPLED.chances, 'float32', ['K', 1]);
  const scores = logits(graph, network.output(graph.op('Gather', [states, SAMPLED.from], { axis: 0 })));
  const cumulative = graph.op('CumSum', [graph.op('Softmax', [scores], { axis: 1 }), graph.int(1)]);
  // The token whose part of [0, 1] the chance falls into: as many as end below it come before it.
  const below = graph.op('Cast', [graph.op('LessOrEqual', [cumulative, SAMPLED.chances])], { to: ELEMENT_TYPE.int64 });
  const drawn = graph.op('ReduceSum', [below, graph.int([1])], { keepdims: 0 });
  const last = graph.op('Min', [drawn, graph.int(network.architecture.vocabularySize - 1)]);
  const isWord = graph.op('Greater', [last, graph.int(END)]);
  const chosen = graph.op('Where', [isWord, last, graph.op('Gather', [tokens, SAMPLED.places], { axis: 0 })]);
  return graph.op('ScatterElements', [tokens, SAMPLED.places, chosen], { axis: 0 });
}
