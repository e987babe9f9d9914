import { readPart } from '@showtell/shared/commit';
import { concurrently } from '@showtell/shared/concurrently';
import { REJECTION_CODES, type RejectionCode, ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, type PlannedRun, planShard, readControl } from '@showtell/shared/planned-run';
import type { Queues } from '@showtell/shared/queue/queues';
import { readRecord } from '@showtell/shared/read-record';
import { CommitRecord, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import type { Logger } from 'pino';
import { countRejections } from '../commits';
import { isPlanned } from '../voids';
import { type AddedJobs, addJobs } from './add-jobs';
import { encodeAgain } from './void-shards';

/** Commit records read, or parts of the plan, at once. */
const AT_ONCE = 16;

export interface RetryOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly run: PlannedRun;
  readonly logger: Logger;
  /** Also encodes shards again whose commit record rejects images by one of these codes; empty for any. */
  readonly rejected?: readonly RejectionCode[] | undefined;
  /** Says what it would do, and does nothing. */
  readonly dryRun?: boolean | undefined;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A shard that is encoded again as a whole, for the sake of some images. */
export interface RetriedShard {
  readonly shard: number;
  readonly split: string;
  /** Images of the shard, all of which are encoded again. */
  readonly images: number;
  /** By code: those of the shard that are tried again for their own sake. */
  readonly rejected: Readonly<Record<string, number>>;
}

export interface RetryReport {
  readonly run: string;
  readonly dryRun: boolean;
  readonly shards: readonly RetriedShard[];
  /** Jobs that had failed for good, and are there again, are counted in `jobs.failed`. */
  readonly jobs: AddedJobs;
}

/** Codes as an operator names them. @throws ShowtellError `USAGE`. */
export function rejectionCodes(texts: readonly string[]): RejectionCode[] {
  return texts.map((text) => {
    const code = REJECTION_CODES.find((known) => known === text.toUpperCase().replaceAll('-', '_'));
    if (code !== undefined) return code;
    throw new ShowtellError(
      'USAGE',
      `Expected reasons of rejected images (${REJECTION_CODES.join(', ')}) but received ${JSON.stringify(text)}`,
    );
  });
}

/**
 * Adds failed jobs of a run again, and with `rejected` has shards encoded again of which images were rejected. A shard is encoded as a
 * whole, and its commit record is there no more until that is done: an image that was in order is in the shard again afterwards.
 * @throws ShowtellError `USAGE` for a run that is paused or cancelled, `CORRUPT_OBJECT` when a part of the plan is damaged, so that its
 * shard could not be encoded; errors as of `encodeAgain`.
 */
export async function retryRun(options: RetryOptions): Promise<RetryReport> {
  const { store, queues, run, logger, rejected, dryRun = false, onProgress, signal } = options;
  const read = signal && { signal };
  const state = await readControl(store, run.name, read);
  if (state !== 'running' && !dryRun)
    throw new ShowtellError('USAGE', `The run ${run.name} is ${state}, so that nothing of it is encoded`, {
      hint: `First let it go on: showtell resume ${run.name}`,
    });
  const chosen = rejected === undefined ? [] : await rejecting(run, rejected, options);
  const shards = chosen.map(({ retried }) => retried);
  if (dryRun) return { run: run.name, dryRun, shards, jobs: await addJobs({ store, queues, run, logger, dryRun, ...read }) };
  // Their commit records are in order, and worth more than none where the shard could not be encoded again.
  await concurrently(shards, AT_ONCE, async ({ shard }) => void (await readPart(store, planShard(run, shard), read)));
  const again = chosen.map(({ retried: { shard, rejected: counts }, recordSha256 }) => ({
    shard,
    reason: 'retry' as const,
    detail: `an operator wanted ${listed(counts)} tried again`,
    recordSha256,
  }));
  const { jobs, left } = await encodeAgain({ store, queues, run, logger, signal, shards: again, ...(onProgress && { onProgress }) });
  return { run: run.name, dryRun, shards: shards.filter(({ shard }) => !left.includes(shard)), jobs };
}

const listed = (counts: RetriedShard['rejected']) =>
  Object.entries(counts)
    .map(([code, count]) => `${count} ${code}`)
    .join(', ');

interface Chosen {
  readonly retried: RetriedShard;
  readonly recordSha256: string;
}

/** Committed shards that reject images by one of the codes, in order. */
async function rejecting(run: PlannedRun, codes: readonly RejectionCode[], { store, signal }: RetryOptions): Promise<Chosen[]> {
  const options = signal && { signal };
  const chosen: (Chosen | undefined)[] = [];
  const planned = [...(await listCommitted(store, run.name, options))].filter((shard) => isPlanned(run, { shard }));
  await concurrently(planned, AT_ONCE, async (shard, index) => {
    const found = await readRecord(store, CommitRecord, SHARD_FORMAT, keys.commit(run.name, shard), options);
    if (found === undefined) return;
    const { rows, split, rejected } = found.record;
    const wanted = rejected.filter(({ code }) => codes.length === 0 || codes.includes(code));
    if (wanted.length === 0) return;
    const counts = countRejections([{ rejected: wanted }]);
    chosen[index] = { retried: { shard, split, images: rows + rejected.length, rejected: counts }, recordSha256: found.sha256 };
  });
  return chosen.filter((each) => each !== undefined);
}
