import { Presets, SingleBar } from 'cli-progress';
import { formatCount, formatShare } from './format';

/** Off a terminal a line is printed at most this often, and whenever the work is done. */
const LINE_MILLISECONDS = 10_000;

export interface Progress {
  /** `note` stands behind the counts: a rate, a loss. */
  update(done: number, note?: string): void;
  end(): void;
}

export interface ProgressOptions {
  readonly stream?: NodeJS.WriteStream;
  /** Whether the bar goes away at its end, instead of leaving its last state on the screen. */
  readonly passing?: boolean;
}

/** A bar on a terminal, a line now and then elsewhere. Goes to standard error: standard output is for results. */
export function startProgress(label: string, total: number, options: ProgressOptions = {}): Progress {
  const { stream = process.stderr, passing = false } = options;
  return stream.isTTY ? bar(label, total, stream, passing) : lines(label, total, stream);
}

function bar(label: string, total: number, stream: NodeJS.WriteStream, passing: boolean): Progress {
  const progress = new SingleBar(
    {
      stream,
      format: `  ${label} {bar} {percentage} %  {value}/{total}  {note}`,
      barsize: 28,
      hideCursor: true,
      clearOnComplete: passing,
      emptyOnZero: true,
      // The signal handlers of the program put things in order, not those of the bar.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  progress.start(total, 0, { note: '' });
  return { update: (done, note = '') => progress.update(done, { note }), end: () => progress.stop() };
}

function lines(label: string, total: number, stream: NodeJS.WriteStream): Progress {
  let printedAt = performance.now();
  let printed = -1;
  const update = (done: number, note = '') => {
    const due = done >= total || performance.now() - printedAt >= LINE_MILLISECONDS;
    if (!due || done === printed) return;
    printed = done;
    printedAt = performance.now();
    stream.write(`  ${label} ${formatCount(done)}/${formatCount(total)} (${formatShare(done, total)})${note === '' ? '' : `  ${note}`}\n`);
  };
  return { update, end: () => {} };
}
