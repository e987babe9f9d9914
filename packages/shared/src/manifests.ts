import { ShowtellError } from './errors';
import { keys } from './keys';
import { isName } from './names';
import type { ObjectStore } from './object-store/object-store';
import { checkManifestKeys } from './own-keys';
import { findPlannedRun, listCommitted } from './planned-run';
import { readRecord } from './read-record';
import { MANIFEST_FORMAT, ManifestRecord } from './schema/manifest';

/** A manifest and what identifies it: trainings freeze `key` and `sha256`. */
export interface FoundManifest {
  readonly key: string;
  readonly sha256: string;
  readonly manifest: ManifestRecord;
}

const LISTED = 20;

/** The greatest number of a run's manifests; 0 where it has none. */
export async function latestManifestNumber(store: ObjectStore, run: string, signal?: AbortSignal): Promise<number> {
  let latest = 0;
  for await (const { key } of store.list(keys.manifests(run), signal && { signal }))
    latest = Math.max(latest, Number(/\/manifests\/(\d+)\.json$/.exec(key)?.[1] ?? 0));
  return latest;
}

/** The manifest of the greatest number, or `undefined` where the run has none. */
export async function latestManifest(store: ObjectStore, run: string, signal?: AbortSignal): Promise<FoundManifest | undefined> {
  const latest = await latestManifestNumber(store, run, signal);
  return latest === 0 ? undefined : readManifest(store, keys.manifest(run, latest), undefined, signal);
}

/**
 * The newest manifest of a run that must have one.
 * @throws ShowtellError `NOT_FOUND` (no such run), `MISSING_SHARDS` (not complete yet; lists what is missing).
 */
export async function newestManifest(store: ObjectStore, run: string, signal?: AbortSignal): Promise<FoundManifest> {
  const found = isName(run) ? await latestManifest(store, run, signal) : undefined;
  if (found === undefined) throw await incomplete(store, run, signal);
  return found;
}

/**
 * Reads one manifest.
 * @param expected the sha256 it was frozen with; another is `CORRUPT_OBJECT`.
 */
export async function readManifest(store: ObjectStore, key: string, expected?: string, signal?: AbortSignal): Promise<FoundManifest> {
  const found = await readRecord(store, ManifestRecord, MANIFEST_FORMAT, key, { expected, ...(signal && { signal }) });
  if (!found) throw new ShowtellError('NOT_FOUND', `Manifest ${key} is not in ${store.url}`);
  checkManifestKeys(found.record, key);
  return { key, sha256: found.sha256, manifest: found.record };
}

async function incomplete(store: ObjectStore, run: string, signal?: AbortSignal): Promise<ShowtellError> {
  const options = signal && { signal };
  const { shards } = (await findPlannedRun(store, run, options)).plan;
  const committed = await listCommitted(store, run, options);
  const missing = shards.filter(({ shard }) => !committed.has(shard)).map(({ shard }) => shard);
  if (missing.length === 0)
    return new ShowtellError('MISSING_SHARDS', `All ${shards.length} shards of run ${run} are committed but its manifest is not written`, {
      hint: 'A `showtell worker ingest` writes it; run the same `showtell enqueue` again if none does.',
    });
  const more = missing.length > LISTED ? `, … (${missing.length - LISTED} more)` : '';
  return new ShowtellError(
    'MISSING_SHARDS',
    `Run ${run} is not complete: ${missing.length} of ${shards.length} shards are missing: ${missing.slice(0, LISTED).join(', ')}${more}`,
    { hint: `See \`showtell status ${run}\`; it can be used once it is complete.` },
  );
}
