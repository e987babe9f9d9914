import type { Graph, Value } from '@showtell/shared/onnx/graph';
import type { Architecture } from './parameters';
import type { Random } from './random';

/** Inputs of the training graph that say what is dropped, named for what they are multiplied with. */
export const MASKS = {
  /** float32 [B, U] or [B, E]: of the photos as the network sees them */
  image: 'imageMask',
  /** float32 [N, E]: of the vectors of the words read */
  embedded: 'embeddedMask',
  /** float32 [N, U]: of the LSTM's output on its way to the scores; the state itself is kept whole */
  states: 'statesMask',
} as const;

/** Columns of each mask. */
export function maskWidths({ image, embedding, units }: Architecture): Record<keyof typeof MASKS, number> {
  return { image: image === 'first-input' ? embedding : units, embedded: embedding, states: units };
}

export function declareMasks(graph: Graph, architecture: Architecture): Readonly<Record<keyof typeof MASKS, Value>> {
  const widths = maskWidths(architecture);
  graph.input(MASKS.image, 'float32', ['B', widths.image]);
  graph.input(MASKS.embedded, 'float32', ['N', widths.embedded]);
  graph.input(MASKS.states, 'float32', ['N', widths.states]);
  return MASKS;
}

const HALF = 2 ** 16;

/**
 * Inverted dropout: 0 with probability `rate` (to the nearest 1/65,536), and what makes up for it otherwise, so that nothing needs
 * scaling where nothing is dropped. Two numbers from each random word, because a step takes a million of them.
 */
export function dropoutMask(random: Random, length: number, rate: number): Float32Array {
  const dropped = Math.round(rate * HALF);
  const halves = new Uint16Array(random.words(Math.ceil(length / 2)).buffer);
  const [kept = 0] = new Int32Array(Float32Array.of(HALF / (HALF - dropped)).buffer);
  // As bits: a choice between two numbers, right half of the time only, would cost five times as much.
  const bits = new Int32Array(length);
  for (let index = 0; index < length; index++) bits[index] = ~((halves[index]! - dropped) >> 31) & kept;
  return new Float32Array(bits.buffer);
}
