const OURS = 'Showtell';

/** What a bench of several engines found. */
export interface BenchReport<Row> {
  readonly rows: readonly Row[];
  /** What was measured, on which machine, and how often. */
  readonly conditions: string;
  /** Library → version, of everyone. */
  readonly versions: Readonly<Record<string, string>>;
  /** Engines of Showtell's own, to be told from the others. */
  readonly own: readonly string[];
}

/** What a table calls an engine. */
export const shownEngine = (engine: string, { own }: Pick<BenchReport<unknown>, 'own'>): string =>
  own.includes(engine) ? `${OURS} ${engine}` : engine;

/** The table for README and pages, two columns of text and the others of figures, ours in bold; with what it was measured on. */
export function reportMarkdown(
  { conditions, versions }: Pick<BenchReport<unknown>, 'conditions' | 'versions'>,
  head: readonly string[],
  body: readonly (readonly string[])[],
): string {
  const rule = head.map((_, column) => (column < 2 ? '---' : '---:'));
  const marked = body.map((cells) => (cells.some((cell) => cell.startsWith(OURS)) ? cells.map((cell) => `**${cell}**`) : cells));
  const table = [head, rule, ...marked].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const libraries = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${table}\n\n${conditions} ${libraries.join(', ')}.`;
}
