import { type BenchReport, reportMarkdown, shownEngine } from './report';

/** One figure of the bench, as `--json` prints it. */
export interface EncodeRow {
  readonly engine: string;
  readonly device: string;
  readonly precision: string;
  readonly batch: number;
  readonly imagesPerSecond: number;
  /** Peak resident memory of the encoder's process while it encoded; null where the system does not tell. */
  readonly rssMB: number | null;
  /** Of the features, against our float32 ones. */
  readonly relativeError: number;
}

export type EncodeReport = BenchReport<EncodeRow>;

const ORDER = ['float32', 'float16', 'bfloat16', 'int8'];

/** One line for each engine and precision: by precision, the fastest first. */
function lines({ rows, own }: EncodeReport): { head: string[]; body: string[][] } {
  const batches = [...new Set(rows.map(({ batch }) => batch))].sort((a, b) => a - b);
  const most = batches.at(-1);
  const groups = new Map<string, EncodeRow[]>();
  for (const row of rows) {
    const key = `${row.engine}:${row.precision}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const best = (group: readonly EncodeRow[]) => Math.max(...group.map(({ imagesPerSecond }) => imagesPerSecond));
  const sorted = [...groups.values()].sort(
    ([a, ...restA], [b, ...restB]) =>
      ORDER.indexOf(a!.precision) - ORDER.indexOf(b!.precision) || best([b!, ...restB]) - best([a!, ...restA]),
  );
  return {
    head: ['precision', 'engine', ...batches.map((batch) => `batch ${batch}`), `memory at ${most}`, 'error'],
    body: sorted.map((group) => {
      const [{ engine, precision, relativeError }] = group as [EncodeRow];
      const at = (batch: number | undefined) => group.find((row) => row.batch === batch);
      const memory = at(most)?.rssMB;
      return [
        precision,
        shownEngine(engine, { own }),
        ...batches.map((batch) => at(batch)?.imagesPerSecond.toFixed(1) ?? '–'),
        memory === undefined || memory === null ? '–' : `${memory.toFixed(0)} MB`,
        relativeError.toExponential(1),
      ];
    }),
  };
}

export function terminalTable(report: EncodeReport): [head: string[], body: string[][]] {
  const { head, body } = lines(report);
  return [head, body];
}

/** The table for README and pages. */
export function markdownTable(report: EncodeReport): string {
  const { head, body } = lines(report);
  return reportMarkdown(report, head, body);
}
