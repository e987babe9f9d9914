import { concurrently } from '@showtell/shared/concurrently';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, type PlannedRun, readControl, readPlannedRun, runNames } from '@showtell/shared/planned-run';
import { isFinished } from './add-jobs';

/** Runs looked at at once. */
const LOOKED_AT_ONCE = 8;

export interface UnfinishedRun {
  readonly run: PlannedRun;
  /** Shards that are not committed. With none left the manifest is, or the training that the run ends in. */
  readonly left: number;
}

export interface UnfinishedOptions {
  readonly signal?: AbortSignal;
  /** Told of a run that cannot be looked at; the others are. */
  readonly onBroken?: (run: string, error: unknown) => void;
}

/** Runs of the store that have a plan, have not come to their end, and are neither paused nor cancelled; in the order of their names. */
export async function unfinishedRuns(store: ObjectStore, { signal, onBroken }: UnfinishedOptions = {}): Promise<UnfinishedRun[]> {
  const options = signal === undefined ? {} : { signal };
  const names = await runNames(store, options);
  const found: (UnfinishedRun | undefined)[] = [];
  await concurrently(names, LOOKED_AT_ONCE, async (name, index) => {
    try {
      found[index] = await look(store, name, options);
    } catch (error) {
      if (signal?.aborted || onBroken === undefined) throw error;
      onBroken(name, error);
    }
  });
  return found.filter((run) => run !== undefined);
}

async function look(store: ObjectStore, name: string, options: { readonly signal?: AbortSignal }): Promise<UnfinishedRun | undefined> {
  const run = await readPlannedRun(store, name, options);
  if (run === undefined || (await readControl(store, name, options)) !== 'running') return undefined;
  const left = missingShards(run, await listCommitted(store, name, options)).length;
  return left > 0 || !(await isFinished(store, run, options)) ? { run, left } : undefined;
}
