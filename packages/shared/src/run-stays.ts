import { ShowtellError } from './errors';
import type { ObjectStore } from './object-store/object-store';
import { readControl } from './planned-run';

/**
 * That a run is not being removed, to which a record that was just written refers. Who removes a run cancels it before looking who
 * refers to it, and deletes its manifests first: of two at once, one sees the other.
 * @param manifest key of the manifest that is referred to.
 * @throws ShowtellError `USAGE` when it is cancelled, `NOT_FOUND` when it is gone.
 */
export async function checkRunStays(
  store: ObjectStore,
  { run, manifest }: { readonly run: string; readonly manifest: string },
  options?: { readonly signal?: AbortSignal },
): Promise<void> {
  // In this order: the control record goes after the manifest.
  if ((await readControl(store, run, options)) === 'cancelled')
    throw new ShowtellError('USAGE', `The run ${run} is cancelled, and may be about to be removed`, {
      hint: `To use it all the same: showtell resume ${run}`,
    });
  if (await store.head(manifest, options)) return;
  throw new ShowtellError('NOT_FOUND', `The run ${run} was removed just now: ${manifest} is no longer in ${store.url}`);
}
