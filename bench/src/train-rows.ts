import { type BenchReport, reportMarkdown, shownEngine } from './report';

/** One figure of the bench, as `--json` prints it. */
export interface TrainRow {
  readonly engine: string;
  readonly batches: string;
  readonly layout: string;
  /** Real tokens/s: words and END, no padding. */
  readonly tokensPerSecond: number;
  /** At that speed, for all tokens of the epoch. */
  readonly secondsPerEpoch: number;
  /** Peak resident memory of the trainer's process, from its start; null where the system does not tell. */
  readonly rssMB: number | null;
  /** Largest relative difference of a loss from ours, over the first steps from the same weights. */
  readonly lossError: number;
}

export type TrainReport = BenchReport<TrainRow>;

const HEAD = ['engine', 'batches', 'tokens/s', 's/epoch', 'time', 'memory', 'loss'];

/** The fastest first; `time` is how many times as long as ours on batches of the same kind. */
function lines({ rows, own }: TrainReport): string[][] {
  const ours = new Map(rows.filter(({ engine }) => own.includes(engine)).map((row) => [row.batches, row.secondsPerEpoch]));
  return rows
    .toSorted((a, b) => a.secondsPerEpoch - b.secondsPerEpoch)
    .map(({ engine, batches, layout, tokensPerSecond, secondsPerEpoch, rssMB, lossError }) => [
      shownEngine(engine, { own }),
      `${batches}, ${layout}`,
      Math.round(tokensPerSecond).toLocaleString('en'),
      secondsPerEpoch.toFixed(2),
      ours.has(batches) ? `${(secondsPerEpoch / ours.get(batches)!).toFixed(2)}×` : '–',
      rssMB === null ? '–' : `${rssMB} MB`,
      lossError.toExponential(0),
    ]);
}

export function trainTable(report: TrainReport): [head: string[], body: string[][]] {
  return [HEAD, lines(report)];
}

/** Ours, and of each other framework the fastest way on each kind of batches. */
export function bestOf(report: TrainReport): TrainReport {
  const best = new Map<string, TrainRow>();
  for (const row of report.rows) {
    const key = `${row.engine.split('-')[0]} ${row.batches}`;
    const other = best.get(key);
    if (other === undefined || row.secondsPerEpoch < other.secondsPerEpoch) best.set(key, row);
  }
  return { ...report, rows: [...best.values()] };
}

/** The table for README and pages. */
export const trainMarkdown = (report: TrainReport): string => reportMarkdown(report, HEAD, lines(report));
