import { METRICS, type Metrics } from '@showtell/trainer/evaluation/scores';
import { median } from './medians';

/** What a process that scored once says. */
export interface ScoreReply {
  /** `null` where it was given tokens. */
  readonly tokenizeSeconds: number | null;
  readonly scoreSeconds: number;
  readonly metrics: Metrics;
  readonly versions: Readonly<Record<string, string>>;
}

/** A reply, with the time from the start of the process to its end. */
export type ScoreRun = ScoreReply & { readonly programSeconds: number };

export interface ScoreRow {
  readonly engine: string;
  readonly tokenizeSeconds: number | null;
  readonly scoreSeconds: number;
  readonly programSeconds: number;
  /** Largest difference of a metric from ours. */
  readonly difference: number;
}

/** Medians of one engine's runs. */
export function scoreRow(engine: string, runs: readonly ScoreRun[], ours: Metrics): ScoreRow {
  const seconds = (of: (run: ScoreRun) => number) => Number(median(runs.map(of)).toFixed(3));
  return {
    engine,
    tokenizeSeconds: runs.some(({ tokenizeSeconds }) => tokenizeSeconds === null) ? null : seconds((run) => run.tokenizeSeconds!),
    scoreSeconds: seconds((run) => run.scoreSeconds),
    programSeconds: seconds((run) => run.programSeconds),
    difference: Math.max(...runs.flatMap(({ metrics }) => METRICS.map((metric) => Math.abs(metrics[metric] - ours[metric])))),
  };
}

const HEAD = ['engine', 'tokens, s', 'scores, s', 'whole program, s', 'difference'];
const cells = (row: ScoreRow) => [
  row.engine,
  row.tokenizeSeconds === null ? 'given' : row.tokenizeSeconds.toFixed(2),
  row.scoreSeconds.toFixed(2),
  row.programSeconds.toFixed(2),
  row.difference.toExponential(0),
];

export const scoreTable = (rows: readonly ScoreRow[]): [readonly string[], readonly (readonly string[])[]] => [HEAD, rows.map(cells)];

export function scoreMarkdown(rows: readonly ScoreRow[], conditions: string): string {
  const line = (columns: readonly string[]) => `| ${columns.join(' | ')} |`;
  return [line(HEAD), '| --- | ---: | ---: | ---: | ---: |', ...rows.map((row) => line(cells(row))), '', conditions].join('\n');
}
