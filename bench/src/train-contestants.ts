import { ShowtellError } from '@showtell/shared/errors';
import type { Order } from './train-inputs';

/** One way to train the same network on the same batches. */
export interface TrainContestant {
  readonly engine: string;
  /** Which batches: of random captions, or of captions about as long as each other. */
  readonly order: Order;
  /** What is done about different lengths. */
  readonly layout: 'packed' | 'padded';
  /** Where its Adam adds epsilon: at the start of a training that is seen in the losses. */
  readonly epsilonForm: 'keras' | 'pytorch';
  readonly program:
    | { readonly kind: 'own' }
    /** `peers/<name>_train_peer.py` in an environment of `peers/<name>.txt`. */
    | { readonly kind: 'peer'; readonly name: 'keras' | 'torch'; readonly variant: string };
}

const keras = (variant: 'xla' | 'graph', order: Order): TrainContestant => ({
  engine: `keras-${variant}`,
  order,
  layout: 'padded',
  epsilonForm: 'keras',
  program: { kind: 'peer', name: 'keras', variant },
});
const torch = (layout: 'packed' | 'padded', order: Order, compiled = false): TrainContestant => ({
  engine: compiled ? 'torch-compiled' : 'torch',
  order,
  layout,
  epsilonForm: 'pytorch',
  program: { kind: 'peer', name: 'torch', variant: compiled ? `${layout}-compiled` : layout },
});

export const OWN: TrainContestant = { engine: 'onnx', order: 'random', layout: 'packed', epsilonForm: 'keras', program: { kind: 'own' } };

/**
 * All with the same initial weights; nobody is timed before his losses are ours. What compiling does to PyTorch's packed sequences is
 * within the noise, so that only the padded ones are there compiled, too.
 */
export const TRAIN_CONTESTANTS: readonly TrainContestant[] = [
  OWN,
  keras('xla', 'random'),
  keras('graph', 'random'),
  torch('packed', 'random'),
  torch('padded', 'random'),
  { ...OWN, order: 'bucketed' },
  keras('xla', 'bucketed'),
  keras('graph', 'bucketed'),
  torch('packed', 'bucketed'),
  torch('padded', 'bucketed'),
  torch('padded', 'bucketed', true),
];

export const trainLabel = ({ engine, order, layout }: Pick<TrainContestant, 'engine' | 'order' | 'layout'>): string =>
  `${engine}:${order}:${layout}`;

/**
 * @param names `ENGINE`, `ENGINE:ORDER` or `ENGINE:ORDER:LAYOUT`, with commas; `undefined` is everyone.
 * @throws ShowtellError `USAGE` for a name that fits none.
 */
export function chooseTrainContestants(names?: string): TrainContestant[] {
  if (names === undefined) return [...TRAIN_CONTESTANTS];
  const asked = names.split(',').map((name) => name.trim());
  const fits = (name: string) => (contestant: TrainContestant) => `${trainLabel(contestant)}:`.startsWith(`${name}:`);
  for (const name of asked)
    if (!TRAIN_CONTESTANTS.some(fits(name)))
      throw new ShowtellError(
        'USAGE',
        `Expected names of ${[...new Set(TRAIN_CONTESTANTS.map(({ engine }) => engine))].join(', ')}, or one with its batches (${trainLabel(TRAIN_CONTESTANTS[1]!)}), for --engines but received ${name}`,
      );
  return TRAIN_CONTESTANTS.filter((contestant) => asked.some((name) => fits(name)(contestant)));
}
