import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { checkName, isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { defaultTrainingName } from '@showtell/shared/queue/queues';
import { type Hyperparameters, TRAINING_FORMAT, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { encodeRecord, parseRecord } from '@showtell/shared/schema/record';
import { trainingNames, unknownTraining } from '../checkpoint/model-name';
import { newestManifest } from '../dataset/manifest';
import { hyperparametersOf } from '../model/presets/presets';
import { differences } from './differences';

/** What a person asks for; everything else follows from the run. */
export interface TrainingRequest {
  readonly run: string;
  readonly preset: string;
  /** Default: `<run>-<preset>`. */
  readonly training?: string | undefined;
  /** In place of the preset's own. */
  readonly hyperparameters?: Partial<Hyperparameters> | undefined;
  /** Default: `train`. */
  readonly trainSplit?: string | undefined;
  /** Default: the first of `val`, `validation` and `dev` that the run has; `null` for none. */
  readonly validationSplit?: string | null | undefined;
  readonly seed?: number | undefined;
}

const VALIDATION_SPLITS = ['val', 'validation', 'dev'];

/**
 * Freezes a training's config under its name, from the newest manifest of the run. A training that is there already keeps the
 * manifest that it froze; every other setting must be the same.
 * @returns the config as it stands, and whether this call has created it.
 * @throws ShowtellError `TRAINING_EXISTS` with the differences, `NOT_FOUND` (run, split, preset), `MISSING_SHARDS`, `CONFIG_INVALID`.
 */
export async function freezeTraining(
  store: ObjectStore,
  request: TrainingRequest,
): Promise<{ readonly record: TrainingRecord; readonly created: boolean }> {
  const hyperparameters = hyperparametersOf(request.preset, request.hyperparameters);
  const training = checkName('training', request.training ?? defaultTrainingName(request.run, request.preset));
  const { key, sha256, manifest } = await newestManifest(store, checkName('run', request.run));
  const splits = chooseSplits(manifest, request);
  const asked: TrainingRecord = {
    formatVersion: TRAINING_FORMAT,
    training,
    run: request.run,
    manifest: { key, sha256 },
    encoder: manifest.encoder,
    preset: request.preset,
    hyperparameters,
    ...splits,
    seed: request.seed ?? 0,
  };
  const { created } = await store.putIfAbsent(keys.trainingJson(training), encodeRecord(asked));
  if (created) return { record: asked, created };
  const record = await readTraining(store, training);
  const found = differences(record, { ...asked, manifest: record.manifest });
  if (found.length === 0) return { record, created };
  throw new ShowtellError(
    'TRAINING_EXISTS',
    `Training ${training} exists with other settings:\n${found.map((line) => `  ${line}`).join('\n')}`,
    { hint: 'Give the new one another name: --name NAME.' },
  );
}

/** The frozen config of a training; `NOT_FOUND` lists those there are. */
export async function readTraining(store: ObjectStore, training: string): Promise<TrainingRecord> {
  const key = keys.trainingJson(training);
  const found = isName(training) ? await store.get(key) : undefined;
  if (!found) throw unknownTraining(store, training, await trainingNames(store));
  return parseRecord(TrainingRecord, TRAINING_FORMAT, found.body, key);
}

function chooseSplits(manifest: ManifestRecord, request: TrainingRequest): Pick<TrainingRecord, 'trainSplit' | 'validationSplit'> {
  const usable = manifest.splits.filter(({ rows, captions }) => rows > 0 && captions > 0).map(({ split }) => split);
  const check = (split: string, flag: string) => {
    if (usable.includes(split)) return split;
    const there = usable.length > 0 ? `it has: ${usable.join(', ')}` : 'it has none';
    throw new ShowtellError('NOT_FOUND', `Run ${manifest.run} has no split ${JSON.stringify(split)} with captions; ${there}`, {
      hint: `Name one of them with ${flag}.`,
    });
  };
  const trainSplit = check(request.trainSplit ?? 'train', '--train-split');
  const asked = request.validationSplit;
  if (asked === null) return { trainSplit, validationSplit: null };
  const validationSplit =
    asked === undefined
      ? (VALIDATION_SPLITS.find((split) => split !== trainSplit && usable.includes(split)) ?? null)
      : check(asked, '--validation-split');
  return { trainSplit, validationSplit };
}
