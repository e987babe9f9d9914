import { concurrently } from '@showtell/shared/concurrently';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, readCommit } from '@showtell/shared/planned-run';
import type { CommitRecord } from '@showtell/shared/schema/shard';

const CONCURRENCY = 32;

/**
 * Every commit record of a run by shard number. A record never changes, so those in `known` are not read again:
 * watchers hand in what they got the last time.
 */
export async function readCommits(
  store: ObjectStore,
  run: string,
  { signal, known = new Map() }: { readonly signal?: AbortSignal; readonly known?: ReadonlyMap<number, CommitRecord> } = {},
): Promise<Map<number, CommitRecord>> {
  const options = signal && { signal };
  const commits = new Map<number, CommitRecord>();
  await concurrently(await listCommitted(store, run, options), CONCURRENCY, async (shard) => {
    const record = known.get(shard) ?? (await readCommit(store, run, shard, options).catch(sayWhatToDo(run)));
    // Gone since the listing: a repair is at work.
    if (record !== undefined) commits.set(shard, record);
  });
  return commits;
}

const sayWhatToDo = (run: string) => (error: unknown) => {
  if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
  const hint = `showtell verify ${run} --repair has the shard encoded again.`;
  throw new ShowtellError(error.code, error.message, { cause: error, retryable: false, hint });
};

/** Rejections counted by their code. */
export function countRejections(commits: Iterable<Pick<CommitRecord, 'rejected'>>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rejected } of commits) for (const { code } of rejected) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
