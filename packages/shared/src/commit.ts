import { concurrently } from './concurrently';
import { ShowtellError } from './errors';
import { sha256 } from './hash';
import type { ObjectStore, StoredObject } from './object-store/object-store';
import { reached } from './reached';
import { READS, readAgain } from './read-again';
import { encodeRecord, type PartRecord } from './schema/record';

export interface Commit {
  /** Bodies under keys that carry their sha256 (a checkpoint's: its lease epoch), so that writing one again changes nothing. */
  readonly parts: readonly { readonly key: string; readonly body: Uint8Array }[];
  readonly recordKey: string;
  /** What makes the parts exist. An object is stored as canonical JSON. */
  readonly record: Buffer | object;
  readonly signal?: AbortSignal | undefined;
}

export type CommitOutcome = { readonly outcome: 'committed' } | { readonly outcome: 'exists'; readonly body: Buffer };

/** Above this a part is uploaded in pieces, so that a broken connection costs one piece. */
const UPLOAD_BYTES = 2 ** 24;
/** Parts written at once: a plan has thousands of small ones. */
const WRITES = 16;

/**
 * The one commit: writes the parts, then the record, put-if-absent. Before the record there is nothing; after it, everything.
 *
 * `exists` gives the record that was there first, which may be another's or this one's whose answer was lost: the caller compares.
 * Killed at any line, it can be called again. No write begins after `signal` is aborted.
 */
export async function commit(store: ObjectStore, { parts, recordKey, record, signal }: Commit): Promise<CommitOutcome> {
  const options = signal ? { signal } : {};
  await concurrently(parts, WRITES, async ({ key, body }) => {
    await (body.byteLength > UPLOAD_BYTES ? store.upload(key, body, options) : store.put(key, body, options));
    reached('commit:part-written', recordKey);
  });
  reached('commit:parts-written', recordKey);
  const bytes = Buffer.isBuffer(record) ? record : encodeRecord(record);
  for (;;) {
    if ((await store.putIfAbsent(recordKey, bytes, { ...options, contentType: 'application/json' })).created) {
      reached('commit:record-written', recordKey);
      return { outcome: 'committed' };
    }
    const found = await store.get(recordKey, options);
    if (found) return { outcome: 'exists', body: found.body };
    // An operator's repair deleted it in between.
  }
}

/**
 * Reads a part and checks its length and sha256 before anybody parses it. `CORRUPT_OBJECT` when it is absent, or stays another than its
 * record names when it is read again.
 */
export async function readPart(store: ObjectStore, part: PartRecord, options: { readonly signal?: AbortSignal } = {}): Promise<Buffer> {
  const checked = ({ body }: StoredObject) => {
    const received = sha256(body);
    if (body.length === part.bytes && received === part.sha256) return body;
    throw corrupt(store, part, `received ${body.length} bytes of sha256 ${received}, ${READS} times`);
  };
  const body = await readAgain(store, part.key, checked, options);
  if (body === undefined) throw corrupt(store, part, 'found nothing');
  return body;
}

function corrupt(store: ObjectStore, part: PartRecord, received: string): ShowtellError {
  return new ShowtellError(
    'CORRUPT_OBJECT',
    `Expected ${part.bytes} bytes of sha256 ${part.sha256} for ${part.key} in ${store.url} but ${received}`,
    { retryable: false },
  );
}
