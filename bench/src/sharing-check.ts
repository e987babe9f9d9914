import { newestManifest } from '@showtell/ingest/manifest';
import { decodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, type PlannedRun, readCommit } from '@showtell/shared/planned-run';
import type { RedisServices } from '@showtell/shared/queue/open-queues';
import { LIVE_STATES } from '@showtell/shared/queue/queues';

/** What a complete run holds. */
export interface CheckedRun {
  readonly shards: number;
  readonly rows: number;
  readonly rejected: number;
}

/**
 * Nothing lost and nothing twice: one commit record for each planned shard and no other, each planned sample in exactly one row or one
 * rejection, and a manifest that says the same. @throws ShowtellError `MISSING_SHARDS` or `BUG`, with what is wrong.
 */
export async function checkRun(store: ObjectStore, { name, plan }: PlannedRun): Promise<CheckedRun> {
  const committed = await listCommitted(store, name);
  if (committed.size !== plan.shards.length)
    throw new ShowtellError('MISSING_SHARDS', `Expected ${plan.shards.length} commit records of ${name} but received ${committed.size}`);
  const seen = new Set<string>();
  let [rows, rejected] = [0, 0];
  for (const part of plan.shards) {
    const planned = decodePlanRows(await readPart(store, part), part.key).map(({ imageId }) => imageId);
    const commit = (await readCommit(store, name, part.shard))!;
    // Also checks bytes and sha256.
    const { imageIds } = decodeFeatureRows(await readPart(store, commit), commit.key);
    const found = [...imageIds, ...commit.rejected.map(({ imageId }) => imageId)];
    if (found.length !== planned.length || planned.some((id) => !found.includes(id)))
      throw new ShowtellError('BUG', `Shard ${part.shard} of ${name} does not hold its planned samples once each`);
    for (const id of found) {
      if (seen.has(id)) throw new ShowtellError('BUG', `The sample ${id} of ${name} was encoded twice`);
      seen.add(id);
    }
    rows += imageIds.length;
    rejected += commit.rejected.length;
  }
  const { manifest } = await newestManifest(store, name);
  const told = manifest?.shards.reduce((sum, shard) => sum + shard.rows, 0);
  if (told !== rows) throw new ShowtellError('BUG', `Expected ${rows} rows in the manifest of ${name} but received ${told}`);
  return { shards: committed.size, rows, rejected };
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
