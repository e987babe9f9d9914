import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { namedFolders } from '@showtell/shared/named-folders';
import { isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { AliasRecord } from '@showtell/shared/schema/checkpoint';
import { readAliases } from './aliases';
import { type Checkpoint, checkpointKeys, readCheckpoint } from './checkpoints';
import { TAKE_ANOTHER } from './corrupt';

/** A MODEL as people write it: `TRAINING`, `TRAINING@ALIAS` or `TRAINING:STEP`. */
export type ModelName =
  | { readonly training: string; readonly alias?: string; readonly step?: undefined }
  | { readonly training: string; readonly step: number; readonly alias?: undefined };

/** Throws `USAGE` for what is none of the three forms. */
export function parseModelName(text: string): ModelName {
  const [, training = '', alias, step] = /^([^@:]*)(?:@(.+)|:(\d{1,15}))?$/.exec(text) ?? [];
  if (isName(training) && (alias === undefined || isName(alias)))
    return step !== undefined ? { training, step: Number(step) } : { training, ...(alias !== undefined && { alias }) };
  throw new ShowtellError('USAGE', `Expected TRAINING, TRAINING@ALIAS or TRAINING:STEP for a model but received ${JSON.stringify(text)}`);
}

/**
 * The checkpoint that a MODEL names. A training alone means its `best` checkpoint, or `latest` where nothing was validated.
 * @throws ShowtellError `NOT_FOUND`, listing what there is; `CORRUPT_CHECKPOINT` when an alias names other bytes.
 */
export async function resolveModel(store: ObjectStore, text: string): Promise<Checkpoint> {
  const name = parseModelName(text);
  const { training } = name;
  if (name.step !== undefined) {
    const found = await checkpointKeys(store, training);
    const chosen = found.findLast(({ step }) => step === name.step);
    if (chosen) return readCheckpoint(store, chosen.folder);
    throw await notFound(store, training, `step ${name.step}`, () => [...new Set(found.map(({ step }) => `:${step}`))]);
  }
  const aliases = await readAliases(store, training);
  const chosen = name.alias === undefined ? (aliases.get('best') ?? aliases.get('latest')) : aliases.get(name.alias);
  if (chosen) return readCheckpoint(store, ownCheckpoint(chosen, training), chosen.sha256);
  throw await notFound(store, training, name.alias === undefined ? 'checkpoint' : `alias ${JSON.stringify(name.alias)}`, () =>
    Array.from(aliases.keys(), (alias) => `@${alias}`),
  );
}

/** An alias names a checkpoint of its own training, or it was not Showtell that wrote it. */
function ownCheckpoint({ checkpoint, step }: AliasRecord, training: string): string {
  if (checkpoint.startsWith(keys.checkpoints(training))) return checkpoint;
  throw new ShowtellError(
    'CORRUPT_CHECKPOINT',
    `Expected a checkpoint below ${keys.checkpoints(training)} for an alias of step ${step} but received ${JSON.stringify(checkpoint)}`,
    { hint: TAKE_ANOTHER },
  );
}

/** Every training of the store by name. */
export function trainingNames(store: ObjectStore): Promise<string[]> {
  return namedFolders(store, keys.trainings(), keys.trainingJson);
}

async function notFound(store: ObjectStore, training: string, what: string, others: () => readonly string[]): Promise<ShowtellError> {
  const trainings = await trainingNames(store);
  if (!trainings.includes(training)) return unknownTraining(store, training, trainings);
  const there = others();
  return new ShowtellError(
    'NOT_FOUND',
    `Training ${training} has no ${what}; ${there.length > 0 ? `there are: ${there.map((suffix) => training + suffix).join(', ')}` : 'it has no checkpoint yet'}`,
  );
}

export function unknownTraining(store: ObjectStore, training: string, trainings: readonly string[]): ShowtellError {
  const there = trainings.length > 0 ? `there are: ${trainings.join(', ')}` : 'there is none yet';
  return new ShowtellError('NOT_FOUND', `No training ${JSON.stringify(training)} in ${store.url}; ${there}`);
}
