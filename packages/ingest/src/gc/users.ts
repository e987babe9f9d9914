import { aliasNames } from '@showtell/shared/alias-names';
import { concurrently } from '@showtell/shared/concurrently';
import { EXIT, isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRun } from '@showtell/shared/planned-run';
import { NAMING } from './references';

const READS = 16;

/** Somebody who cannot do without a run. */
export interface RunUser {
  readonly kind: 'run' | 'training';
  readonly name: string;
  /** Of a training: what people call its checkpoints by. */
  readonly aliases: readonly string[];
}

/**
 * Who names objects of a run: runs that have it as their base, also through another, and trainings that froze one of its manifests.
 * Manifests of runs name no more of others than their plans do.
 * @throws ShowtellError `CORRUPT_OBJECT`, `FORMAT_VERSION` where a record cannot be read: then nobody knows.
 */
export async function usersOfRun(store: ObjectStore, run: string, options?: { readonly signal?: AbortSignal }): Promise<RunUser[]> {
  const own = `${keys.runs()}${run}/`;
  const users: RunUser[] = [];
  const namesOf = async (kind: 'plan' | 'training', key: string) => {
    const found = await store.get(key, options);
    return found ? NAMING[kind]!.names(found.body, key) : [];
  };
  const isNamed = (names: readonly string[]) => names.some((key) => key.startsWith(own));

  await concurrently(await foldersOf(store, keys.runs(), options), READS, async (name) => {
    if (name === run) return;
    try {
      const isBase = (await readRun(store, name, options))?.base === run;
      if (isBase || isNamed(await namesOf('plan', keys.plan(name)))) users.push({ kind: 'run', name, aliases: [] });
    } catch (error) {
      throw unknownUser(error, `run ${name} has ${run} as its base`, `showtell rm ${name}`);
    }
  });
  await concurrently(await foldersOf(store, keys.trainings(), options), READS, async (name) => {
    try {
      if (isNamed(await namesOf('training', keys.trainingJson(name))))
        users.push({ kind: 'training', name, aliases: await aliasNames(store, name, options) });
    } catch (error) {
      throw unknownUser(error, `training ${name} is of ${run}`, `showtell rm --training ${name}`);
    }
  });
  return users.sort((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name));
}

/** A damaged record of another one than was to be removed: without these words nobody sees what it has to do with it. */
function unknownUser(error: unknown, whether: string, remedy: string): unknown {
  if (!isShowtellError(error) || error.exitCode !== EXIT.DAMAGED) return error;
  return new ShowtellError(error.code, `${error.message}, so it is not known whether ${whether}`, {
    cause: error,
    retryable: false,
    hint: `Bring it back from a copy of the store, or remove what it belongs to first: ${remedy}`,
  });
}

async function foldersOf(store: ObjectStore, folder: string, options?: { readonly signal?: AbortSignal }): Promise<string[]> {
  const names: string[] = [];
  for await (const name of store.folders(folder, options)) names.push(name);
  return names;
}
