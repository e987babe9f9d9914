import { readFileSync, writeFileSync } from 'node:fs';

/** The most memory that a process had resident since it began, or since `resetPeak`, as Linux tells it; NaN elsewhere. */
export function peakMB(pid: number | undefined): number {
  try {
    return (Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** What it took to load and convert weights is forgotten; where the system does not do that, it stays in the peak. */
export function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Not Linux, or not allowed.
  }
}
