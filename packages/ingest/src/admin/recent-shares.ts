import type { CommitRecord } from '@showtell/shared/schema/shard';

/** Commits for each running run: enough for a share in percent, and few enough to follow a change of priorities. */
const COMMITS_EACH = 20;

export interface RunningRun {
  readonly run: string;
  readonly commits: Iterable<Pick<CommitRecord, 'rows' | 'rejected' | 'execution'>>;
}

/**
 * Each run's part of the images that were encoded lately: of the latest commits of all the runs given, by their workers' clocks.
 * Empty while nothing is committed.
 */
export function recentShares(runs: readonly RunningRun[]): ReadonlyMap<string, number> {
  const latest = runs
    .flatMap(({ run, commits }) =>
      [...commits].map(({ rows, rejected, execution }) => ({ run, images: rows + rejected.length, at: Date.parse(execution.at) })),
    )
    .sort((a, b) => b.at - a.at)
    .slice(0, COMMITS_EACH * runs.length);
  const all = sum(latest.map(({ images }) => images));
  if (all === 0) return new Map();
  const of = (name: string) => sum(latest.filter(({ run }) => run === name).map(({ images }) => images));
  return new Map(runs.map(({ run }) => [run, of(run) / all]));
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
