import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, type PlannedRun } from '@showtell/shared/planned-run';
import { newestTold } from '../manifest';

interface Options {
  readonly signal?: AbortSignal;
}

/** Whether nothing is left to encode, and the newest manifest says so. A training that the run ends in is another matter. */
export async function isEncoded(store: ObjectStore, run: PlannedRun, options?: Options): Promise<boolean> {
  if (missingShards(run, await listCommitted(store, run.name, options)).length > 0) return false;
  return (await newestTold(store, run, options)).told;
}
