import { ShowtellError } from '@showtell/shared/errors';
import { type Feeds, type Session, Tensor } from '@showtell/shared/onnx/session';
import type { Architecture } from '../model/parameters';
import type { BeamSearch, LikeliestTokens } from './beam';
import type { DecodedCaption } from './decoded-caption';
import type { AllTokens, Sampling } from './sampling';
import { type StepGraph, stepGraph } from './step-graph';

/** What both `BeamSearch` and `Sampling` are: rows that go on, until none does. */
export interface Search<Next> {
  readonly from: readonly number[];
  readonly tokens: readonly number[];
  advance(next: Next): void;
  captions(): DecodedCaption[][];
}

/** The step graph as a kind of search drives it: what it is fed besides the rows, and what it says of the next tokens. */
export interface Stepper<Kind extends Search<Next>, Next> {
  readonly graph: StepGraph;
  feeds(search: Kind): Feeds;
  next(result: Results): Next;
}

type Results = Awaited<ReturnType<Session['run']>>;

export function beamStepper(architecture: Architecture): Stepper<BeamSearch, LikeliestTokens> {
  const graph = stepGraph(architecture, 'likeliest');
  const { count, tokens, logProbabilities } = graph.next;
  return {
    graph,
    feeds: ({ needed }) => ({ [count]: int64([Math.min(needed, architecture.vocabularySize)]) }),
    next(result) {
      const each = result[tokens]!.dims[1]!;
      return { tokens: result[tokens]!.data as Int32Array, logProbabilities: numbers(result, logProbabilities, each), each };
    },
  };
}

export function samplingStepper(architecture: Architecture): Stepper<Sampling, AllTokens> {
  const graph = stepGraph(architecture, 'all');
  const { vocabularySize } = architecture;
  return {
    graph,
    feeds: () => ({}),
    next: (result) => ({ logProbabilities: numbers(result, graph.next.logProbabilities, vocabularySize), vocabularySize }),
  };
}

export function int64(values: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
}

/** Log-probabilities, [rows, each]. One number of a row that is NaN makes NaN of the whole row. */
function numbers(result: Results, name: string, each: number): Float32Array {
  const values = result[name]!.data as Float32Array;
  for (let place = 0; place < values.length; place += each)
    if (Number.isNaN(values[place]!))
      throw new ShowtellError(
        'DIVERGED',
        'Expected log-probabilities of the next word but received NaN: weights or features are not finite',
      );
  return values;
}
