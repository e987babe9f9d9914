import type { FigureLine } from '@showtell/trainer/curves/metric-lines';

/** A training's name and its figures, in the order of the steps. */
export interface TrainingCurves {
  readonly training: string;
  readonly lines: readonly FigureLine[];
}

export interface PlotLine {
  readonly label: string;
  /** Of the training: its place among those that are shown. */
  readonly color: number;
  /** `faint` is what was measured at every step, `plain` the run of it, `dashed` a measurement of each epoch. */
  readonly stroke: 'faint' | 'plain' | 'dashed';
  /** One for each of the plot's steps; `null` where the line has no point. */
  readonly values: readonly (number | null)[];
}

export interface Plot {
  readonly title: string;
  readonly steps: readonly number[];
  readonly lines: readonly PlotLine[];
}

type Point = readonly [step: number, value: number];
type Line = Omit<PlotLine, 'values'> & { readonly points: readonly Point[] };

/** Points of a line that a plot can show apart. */
const MOST_POINTS = 600;
/** Of all points, how many a running mean takes in to either side. */
const NEIGHBOURHOOD = 0.01;

/** What there is to see of the trainings; figures that none of them has make no plot. */
export function plotsOf(trainings: readonly TrainingCurves[]): Plot[] {
  const alone = trainings.length === 1;
  const linesOf = (event: FigureLine['event'], figure: string, stroke: Line['stroke']): Line[] =>
    trainings.map(({ training, lines }, color) => ({ label: training, color, stroke, points: pointsOf(lines, event, figure) }));
  const run = (lines: readonly Line[]) => lines.map((line) => ({ ...line, points: thinned(smoothed(line.points)) }));
  const losses = linesOf('step', 'loss', 'plain');
  const validations = linesOf('epoch', 'validationLoss', 'dashed');
  // Of one training the name says nothing, and there are colours to spare.
  const loss: Line[] = alone
    ? [
        ...losses.map((line): Line => ({ ...line, label: 'each step', stroke: 'faint', points: thinned(line.points) })),
        ...run(losses).map((line) => ({ ...line, label: 'training' })),
        ...validations.map((line) => ({ ...line, label: 'validation', color: 1 })),
      ]
    : [...run(losses), ...validations.map((line) => ({ ...line, label: `${line.label}, validation` }))];
  const rates = linesOf('step', 'learningRate', 'plain').map((line) => ({ ...line, points: thinned(line.points) }));
  return [
    plot('Loss', loss),
    plot('Validation CIDEr', linesOf('epoch', 'validationCider', 'dashed')),
    plot('Learning rate', rates),
    plot('Norm of the gradient', run(linesOf('step', 'gradientNorm', 'plain'))),
  ].filter(({ lines }) => lines.length > 0);
}

function pointsOf(lines: readonly FigureLine[], event: FigureLine['event'], figure: string): Point[] {
  return lines.flatMap((line): Point[] => {
    const value = line[figure];
    return line.event === event && typeof value === 'number' && Number.isFinite(value) ? [[line.step, value]] : [];
  });
}

/** The mean of each point and its neighbours, as many before as behind it, so that the line does not lag. */
export function smoothed(points: readonly Point[]): Point[] {
  const reach = Math.ceil(NEIGHBOURHOOD * points.length);
  const sums = new Float64Array(points.length + 1);
  for (const [index, [, value]] of points.entries()) sums[index + 1] = sums[index]! + value;
  return points.map(([step], index) => {
    const half = Math.min(reach, index, points.length - 1 - index);
    return [step, (sums[index + half + 1]! - sums[index - half]!) / (2 * half + 1)];
  });
}

/** At most so many points, each the mean of neighbours. The first and the last step stay where they are. */
export function thinned(points: readonly Point[], most = MOST_POINTS): Point[] {
  if (points.length <= most) return [...points];
  return Array.from({ length: most }, (_, index): Point => {
    const from = Math.floor((index * points.length) / most);
    const group = points.slice(from, Math.floor(((index + 1) * points.length) / most));
    const at = index === 0 ? group[0]! : index === most - 1 ? group.at(-1)! : group[group.length >> 1]!;
    return [at[0], group.reduce((sum, [, value]) => sum + value, 0) / group.length];
  });
}

/** Lines over the same steps: all that any of them has. */
function plot(title: string, lines: readonly Line[]): Plot {
  const drawn = lines.filter(({ points }) => points.length > 0);
  const steps = [...new Set(drawn.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
  return {
    title,
    steps,
    lines: drawn.map(({ points, ...line }) => {
      const valueAt = new Map(points);
      return { ...line, values: steps.map((step) => rounded(valueAt.get(step))) };
    }),
  };
}

/** As many digits as a reader can tell apart, or the page would be mostly digits. */
const rounded = (value: number | undefined) => (value === undefined ? null : Number(value.toPrecision(5)));
