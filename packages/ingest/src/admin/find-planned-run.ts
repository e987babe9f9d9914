import { ShowtellError } from '@showtell/shared/errors';
import { isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, noSuchRun, type PlannedRun, readPlannedRun, readRun } from '@showtell/shared/planned-run';
import { newestTold } from '../manifest';

interface Options {
  readonly signal?: AbortSignal;
}

/** The run that an operator names. @throws ShowtellError `NOT_FOUND`, or `USAGE` when it has no plan yet. */
export async function findPlannedRun(store: ObjectStore, name: string, options?: Options): Promise<PlannedRun> {
  const request = isName(name) ? await readRun(store, name, options) : undefined;
  if (request === undefined) throw await noSuchRun(store, name, options);
  const run = await readPlannedRun(store, name, options);
  if (run !== undefined) return run;
  throw new ShowtellError('USAGE', `The run ${name} has no plan yet, so it has no jobs: enqueueing it has not come to its end`, {
    hint: 'Enqueue it once more, which goes on where it was.',
  });
}

/** Whether nothing is left to encode, and the newest manifest says so. A training that the run ends in is another matter. */
export async function isEncoded(store: ObjectStore, run: PlannedRun, options?: Options): Promise<boolean> {
  if (missingShards(run, await listCommitted(store, run.name, options)).length > 0) return false;
  return (await newestTold(store, run, options)).told;
}
