import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { Queues } from '@showtell/shared/queue/queues';
import type { Logger } from 'pino';
import type { Finding } from '../verify/finding';
import type { Verification } from './verify';
import { type Again, encodeAgain } from './void-shards';

export interface RepairOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly logger: Logger;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface RepairReport extends Again {
  /** What cannot be mended here. */
  readonly unmended: readonly Finding[];
}

/**
 * Mends what a verification found: takes the records of damaged shards away, adds jobs for them, and has the next manifest written,
 * whose `repaired` names them. Adds jobs for whatever else is missing, too, as `enqueue` does. Errors as of `encodeAgain`.
 * @returns `undefined` where the run itself cannot be read, so that nothing can be done.
 */
export async function repairRun({ report, planned, records }: Verification, options: RepairOptions): Promise<RepairReport | undefined> {
  if (planned === undefined) return undefined;
  const mended = report.findings.filter(({ mend }) => mend === 'encode' || mend === 'void');
  const shards = new Map<number, Finding[]>();
  for (const finding of mended) shards.set(finding.shard!, [...(shards.get(finding.shard!) ?? []), finding]);
  const again = await encodeAgain({
    ...options,
    run: planned,
    shards: [...shards].map(([shard, findings]) => ({
      shard,
      reason: reasonOf(findings),
      detail: findings.map(({ where, message }) => `${where}: ${message}`).join('; '),
      recordSha256: records.get(shard) ?? null,
    })),
    finalize: report.findings.some(({ mend }) => mend === 'manifest'),
  });
  return { ...again, unmended: report.findings.filter(({ mend }) => mend === 'base' || mend === 'operator') };
}

/** The first that was found; `stale` is never of a shard. */
function reasonOf([first]: readonly Finding[]): Exclude<Finding['what'], 'stale'> {
  const { what } = first!;
  return what === 'stale' ? 'corrupt' : what;
}
