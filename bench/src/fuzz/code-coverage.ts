import type { Profiler } from 'node:inspector';
import { Session } from 'node:inspector';

/** Which code of this process was ever run, by V8's own count of its blocks: needs no instrumented copy of anything. */
export class CodeCoverage {
  private readonly session = new Session();
  /** Script → its characters, 1 where a block was run. */
  private readonly seen = new Map<string, Uint8Array>();

  /** @param covers whose scripts are looked at */
  constructor(private readonly covers: RegExp) {
    this.session.connect();
    this.post('Profiler.enable');
    this.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /**
   * Characters of code that were run since the last call and never before. It takes some 10 ms: V8 looks at all functions there are.
   * @param keep whether they count as run from now on
   */
  grown(keep: boolean): number {
    const taken = this.post('Profiler.takePreciseCoverage') as Profiler.TakePreciseCoverageReturnType;
    return taken.result.filter(({ url }) => this.covers.test(url)).reduce((sum, script) => sum + this.compare(script, keep), 0);
  }

  private compare({ url, functions }: Profiler.ScriptCoverage, keep: boolean): number {
    // Of ranges within ranges the innermost tells.
    const ranges = functions.flatMap((each) => each.ranges).sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
    const length = Math.max(0, ...ranges.map(({ endOffset }) => endOffset));
    const now = new Uint8Array(length);
    for (const { startOffset, endOffset, count } of ranges) now.fill(Math.min(count, 1), startOffset, endOffset);
    const before = this.seen.get(url) ?? new Uint8Array(0);
    const seen = before.length < length ? new Uint8Array(length) : before;
    if (seen !== before) seen.set(before);
    if (keep) this.seen.set(url, seen);
    let more = 0;
    for (const [at, run] of now.entries())
      if (run > seen[at]!) {
        if (keep) seen[at] = 1;
        more++;
      }
    return more;
  }

  /** Within one process the inspector answers at once. */
  private post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.session.post(method, parameters, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  }
}
