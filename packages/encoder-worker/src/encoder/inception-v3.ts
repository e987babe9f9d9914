/**
 * InceptionV3 without its top, written once as data; engines interpret it. Only the topology is fixed: widths come from the weights.
 * Layers carry Keras' names, and convolutions its creation numbers (1–94), which is also their order here.
 */

/** Convolution without bias, then batch-norm, then ReLU; named for its activation. */
export interface Convolution {
  readonly kind: 'convolution';
  readonly name: string;
  /** Creation number, 1–94. */
  readonly number: number;
  readonly input: string;
  /** Rows × columns. */
  readonly kernel: readonly [height: number, width: number];
  readonly stride: 1 | 2;
  readonly padding: 'same' | 'valid';
}

/** 3×3; `max` with stride 2 without padding, `average` with stride 1 and `same` padding that is not counted. */
export interface Pool {
  readonly kind: 'max' | 'average';
  readonly name: string;
  readonly input: string;
}

export interface Concat {
  readonly kind: 'concat';
  readonly name: string;
  /** In channel order. */
  readonly inputs: readonly string[];
}

export type Layer = Convolution | Pool | Concat;

export const ENCODER = 'inception-v3';
export const CONVOLUTIONS = 94;
/** Added to the variance by every batch-norm. */
export const EPSILON = 1e-3;
export const INPUT = 'input';
/** Its mean over rows and columns is the feature. */
export const OUTPUT = 'mixed10';

/**
 * A convolution is `<rows>x<columns>`, with `v` for no padding and `/2` for stride 2 (never padded).
 * A list in a chain is a fork: all its convolutions read the same input, and their outputs lie side by side.
 */
type Step = string | readonly string[];

const STEM: readonly Step[] = ['3x3/2', '3x3v', '3x3', 'max', '1x1v', '3x3v', 'max'];

const A: readonly Step[][] = [['1x1'], ['1x1', '5x5'], ['1x1', '3x3', '3x3'], ['average', '1x1']];
const B: readonly Step[][] = [['1x1'], ['1x1', '1x7', '7x1'], ['1x1', '7x1', '1x7', '7x1', '1x7'], ['average', '1x1']];
const C: readonly Step[][] = [['1x1'], ['1x1', ['1x3', '3x1']], ['1x1', '3x3', ['1x3', '3x1']], ['average', '1x1']];

const BLOCKS: Readonly<Record<string, readonly Step[][]>> = {
  mixed0: A,
  mixed1: A,
  mixed2: A,
  mixed3: [['3x3/2'], ['1x1', '3x3', '3x3/2'], ['max']],
  mixed4: B,
  mixed5: B,
  mixed6: B,
  mixed7: B,
  mixed8: [['1x1', '3x3/2'], ['1x1', '1x7', '7x1', '3x3/2'], ['max']],
  mixed9: C,
  mixed10: C,
};

/** Every layer after the input, each after the layers it reads. */
export const LAYERS: readonly Layer[] = layers();

/**
 * The average pool that a convolution reads, if it does. Each is read by one 1×1 convolution, behind which it may as well be computed:
 * both are linear, and the padding does not count.
 */
export function pooledBy({ input }: Convolution): Pool | undefined {
  return LAYERS.find((layer): layer is Pool => layer.kind === 'average' && layer.name === input);
}

/** Channels of every layer and the input. @param filters of a convolution that reads `channels`. */
export function layerWidths(filters: (convolution: Convolution, channels: number) => number): Map<string, number> {
  const widths = new Map([[INPUT, 3]]);
  for (const layer of LAYERS) {
    if (layer.kind === 'concat')
      widths.set(
        layer.name,
        layer.inputs.reduce((sum, input) => sum + widths.get(input)!, 0),
      );
    else {
      const channels = widths.get(layer.input)!;
      widths.set(layer.name, layer.kind === 'convolution' ? filters(layer, channels) : channels);
    }
  }
  return widths;
}

/** Rows (and as many columns) of every layer, the input having `side`. */
export function layerSides(side: number): Map<string, number> {
  const sides = new Map([[INPUT, side]]);
  for (const layer of LAYERS) {
    const before = sides.get(layer.kind === 'concat' ? layer.inputs[0]! : layer.input)!;
    const halved = layer.kind === 'max' || (layer.kind === 'convolution' && layer.stride === 2);
    const cropped = layer.kind === 'convolution' && layer.padding === 'valid' ? before - layer.kernel[0] + 1 : before;
    sides.set(layer.name, halved ? Math.floor((before - 3) / 2) + 1 : cropped);
  }
  return sides;
}

function layers(): Layer[] {
  const list: Layer[] = [];
  const count = { convolution: 0, max: 0, average: 0 };

  const append = (step: string, input: string): string => {
    if (step === 'max' || step === 'average') {
      const name = `${step}_pooling2d_${++count[step]}`;
      list.push({ kind: step, name, input });
      return name;
    }
    const [, height, width, mark] = /^(\d)x(\d)(v|\/2)?$/.exec(step)!;
    const number = ++count.convolution;
    list.push({
      kind: 'convolution',
      name: `activation_${number}`,
      number,
      input,
      kernel: [Number(height), Number(width)],
      stride: mark === '/2' ? 2 : 1,
      padding: mark === undefined ? 'same' : 'valid',
    });
    return `activation_${number}`;
  };
  const chain = (steps: readonly Step[], from: string): string[] =>
    steps.reduce<string[]>(
      ([input], step) => (typeof step === 'string' ? [append(step, input!)] : step.map((branch) => append(branch, input!))),
      [from],
    );

  let [block] = chain(STEM, INPUT);
  for (const [name, branches] of Object.entries(BLOCKS)) {
    const inputs = branches.flatMap((steps) => chain(steps, block!));
    list.push({ kind: 'concat', name, inputs });
    block = name;
  }
  return list;
}
