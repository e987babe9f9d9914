import { isShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import { CommitRecord, SHARD_FORMAT } from '@showtell/shared/schema/shard';
import { VOID_FORMAT, type VoidReason, type VoidRecord } from '@showtell/shared/schema/void';
import type { NewestManifest } from '../manifest';
import { readVoid, type VoidNumber } from '../voids';

export interface VoidShardOptions {
  readonly store: ObjectStore;
  readonly run: string;
  readonly shard: number;
  readonly reason: VoidReason;
  /** What was found, for people. */
  readonly detail: string;
  /** sha256 of the commit record's bytes as they were found, `null` where there was none. */
  readonly recordSha256: string | null;
  /** The run's newest manifest. */
  readonly newest: NewestManifest;
  /** The shard's newest void record. */
  readonly last: VoidNumber | undefined;
  /** Of the run's lock. */
  readonly signal: AbortSignal;
}

/** Of something that is no commit record, so much is kept. */
const UNREADABLE_BYTES = 4_096;

/**
 * Takes a shard's commit record away, so that the shard counts as not encoded: copies it to `void/`, then deletes it. Call it under
 * the run's lock. Of all programs it alone deletes a commit record.
 *
 * - Killed between the two, it leaves a void record of a commit record that is still there: called again it finds that and goes on.
 * - A commit record that is another than was found is left alone: somebody was faster.
 * - **The body stays.** A worker that stood still between the body's PUT and its commit record may go on at any time: it must find the
 *   body that it put, and encoding the shard again puts the same bytes over a damaged body, or others under another key. A training
 *   that froze an older manifest finds its shards as well. What nothing names any more is `gc`'s.
 * - Whoever stood still before the deletion, or whose request took effect late, deletes what was found and nothing that was made since.
 *
 * @returns the void record, or `undefined` where the commit record was another.
 */
export async function voidShard(options: VoidShardOptions): Promise<VoidRecord | undefined> {
  const { store, run, shard, signal } = options;
  const key = keys.commit(run, shard);
  const found = await store.get(key, { signal });
  const recordSha256 = found === undefined ? null : sha256(found.body);
  if (recordSha256 !== options.recordSha256) return undefined;
  const record = (await begun(options)) ?? (await write(options, found?.body));
  signal.throwIfAborted();
  if (found !== undefined) await store.delete(key, { ifMatch: found.etag });
  return record;
}

/** The void record that a killed repair left behind. */
async function begun({ store, run, last, recordSha256, newest, signal }: VoidShardOptions): Promise<VoidRecord | undefined> {
  const record = last && (await readVoid(store, run, last, { signal }));
  return record?.recordSha256 === recordSha256 && record.manifest === newest.number ? record : undefined;
}

async function write(options: VoidShardOptions, body: Buffer | undefined): Promise<VoidRecord> {
  const { store, run, shard, reason, detail, recordSha256, newest, last, signal } = options;
  const manifest = newest.number;
  const parsed = body && commitRecord(body, keys.commit(run, shard));
  const unreadable = body && !parsed ? { unreadable: body.subarray(0, UNREADABLE_BYTES).toString('base64') } : {};
  for (let number = (last?.number ?? 0) + 1; ; number++) {
    const record: VoidRecord = {
      formatVersion: VOID_FORMAT,
      run,
      shard,
      number,
      reason,
      detail,
      manifest,
      recordSha256,
      was: parsed?.sha256 ?? newest.manifest?.shards.find((own) => own.run === undefined && own.shard === shard)?.sha256 ?? null,
      record: parsed ?? null,
      ...unreadable,
      at: new Date().toISOString(),
    };
    const key = keys.void(run, shard, number);
    if ((await store.putIfAbsent(key, encodeRecord(record), { signal, contentType: 'application/json' })).created) return record;
    // Taken since the listing, or it is this one and its answer was lost.
    const there = await readVoid(store, run, { shard, number }, { signal });
    if (there?.recordSha256 === recordSha256 && there.manifest === manifest) return there;
  }
}

function commitRecord(body: Buffer, where: string): CommitRecord | undefined {
  try {
    return parseRecord(CommitRecord, SHARD_FORMAT, body, where);
  } catch (error) {
    if (isShowtellError(error)) return undefined;
    throw error;
  }
}
