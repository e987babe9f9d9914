import { verifyRun } from '@showtell/ingest/admin/verify';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES } from '@showtell/shared/queue/queues';

/** What a complete run holds. */
export interface CheckedRun {
  readonly shards: number;
  readonly rows: number;
  readonly rejected: number;
}

/** Nothing lost and nothing twice, by what `showtell verify` reads of it all. @throws ShowtellError `RUN_DAMAGED` with what is wrong. */
export async function checkRun(store: ObjectStore, run: string): Promise<CheckedRun> {
  const { shards, samples, findings, manifestDue } = (await verifyRun({ store, run })).report;
  if (findings.length > 0 || shards.intact !== shards.planned || manifestDue)
    throw new ShowtellError(
      'RUN_DAMAGED',
      `Expected a complete run ${run} but received ${JSON.stringify({ shards, manifestDue, findings: findings.slice(0, 3) })}`,
    );
  return { shards: shards.intact, rows: samples.encoded, rejected: samples.rejected };
}

/** That nothing is left behind in Redis: no job, failed or not, no reservation, no pixels. @throws ShowtellError `BUG` with what is. */
export async function checkNothingLeft({ queues, window, redis }: RedisServices): Promise<void> {
  const left: string[] = [];
  for (const queue of [queues.ingest, queues.encode('float32'), queues.finalize]) {
    const count = await queue.getJobCountByTypes(...LIVE_STATES, 'failed');
    if (count > 0) left.push(`${count} jobs in ${queue.name}`);
  }
  const reserved = await window.reserved();
  if (reserved > 0) left.push(`${reserved} bytes reserved`);
  const pixels = (await redis.keys('*')).filter((key) => key.includes(':pixels:'));
  if (pixels.length > 0) left.push(`${pixels.length} blocks of pixels`);
  if (left.length > 0) throw new ShowtellError('BUG', `Expected nothing of the runs in Redis but received ${left.join(', ')}`);
}
