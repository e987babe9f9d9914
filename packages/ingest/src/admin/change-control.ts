import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readControlRecord } from '@showtell/shared/planned-run';
import { ControlRecord } from '@showtell/shared/schema/control';
import { encodeRecord } from '@showtell/shared/schema/record';

export interface ChangedControl {
  readonly before: ControlRecord;
  readonly after: ControlRecord;
}

/**
 * Changes a run's control record by compare-and-swap, so that of two operators at once neither undoes the other's word.
 * @param change is called again with what the other one wrote; giving back what it got writes nothing. May throw to refuse.
 */
export async function changeControl(
  store: ObjectStore,
  run: string,
  change: (current: ControlRecord) => ControlRecord,
  options?: { readonly signal?: AbortSignal },
): Promise<ChangedControl> {
  const key = keys.control(run);
  for (;;) {
    const { record: before, etag } = await readControlRecord(store, run, options);
    const after = ControlRecord.parse(change(before));
    if (after.state === before.state && after.priority === before.priority) return { before, after };
    const body = encodeRecord(after);
    const written = { ...options, contentType: 'application/json' };
    const done =
      etag === undefined ? (await store.putIfAbsent(key, body, written)).created : (await store.replace(key, body, etag, written)).replaced;
    // Otherwise somebody else's word came in between, or it is this one and its answer was lost.
    if (done) return { before, after };
  }
}
