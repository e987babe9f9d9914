import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import { type FoundManifest, newestManifest, readManifest } from '@showtell/shared/manifests';
import { checkName, isName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { defaultTrainingName } from '@showtell/shared/queue/queues';
import { readRecord } from '@showtell/shared/read-record';
import { checkRunStays } from '@showtell/shared/run-stays';
import { type Hyperparameters, TRAINING_FORMAT, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';
import { encodeRecord } from '@showtell/shared/schema/record';
import { parseModelName, trainingNames, unknownTraining } from '../checkpoint/model-name';
import { hyperparametersOf } from '../model/presets/presets';
import { chooseSplits, type SplitsAsked } from './choose-splits';
import { differences } from './differences';
import { findWarmStart, type WarmStart, warmHyperparameters } from './warm-start';

/** What a person asks for; everything else follows from the runs. */
export interface TrainingRequest extends SplitsAsked {
  /** Default: that of the training that `from` names, else `seed`. */
  readonly preset?: string | undefined;
  /** Default: `<run>-<preset>`. */
  readonly training?: string | undefined;
  /** In place of the preset's own: `Partial<Hyperparameters>`, checked when it is frozen. */
  readonly hyperparameters?: Readonly<Record<string, unknown>> | undefined;
  /** MODEL whose weights, vocabulary and network it begins with; fresh ones otherwise. */
  readonly from?: string | undefined;
  readonly seed?: number | undefined;
}

export const DEFAULT_PRESET = 'seed';

/** The name that a training goes by, given or made of what it is made of; not checked. */
export function trainingNameOf({ training, runs, preset, from }: TrainingRequest): string {
  const made = preset ?? (from === undefined ? DEFAULT_PRESET : `from-${parseModelName(from).training}`);
  return training ?? defaultTrainingName(runs.join('-'), made);
}

/**
 * Freezes a training's config under its name, from the newest manifests of its runs. A training that is there already keeps the
 * manifests and the checkpoint that it froze; every other setting must be the same.
 * @returns the config as it stands, and whether this call has created it.
 * @throws ShowtellError `TRAINING_EXISTS` with the differences, `NOT_FOUND` (run, split, preset, model), `MISSING_SHARDS`, `CONFIG_INVALID`,
 * `MIXED_ENCODER` (naming both).
 */
export async function freezeTraining(
  store: ObjectStore,
  request: TrainingRequest,
): Promise<{ readonly record: TrainingRecord; readonly created: boolean }> {
  const training = checkName('training', trainingNameOf(request));
  const before = await findTraining(store, training);
  const warm = request.from === undefined ? undefined : await findWarmStart(store, request.from, before?.from ?? null);
  const hyperparameters = hyperparametersAsked(request, warm);
  if (hyperparameters.objective === 'self-critical' && !warm)
    throw new ShowtellError(
      'CONFIG_INVALID',
      'Self-critical training goes on from a captioner that has learnt to speak, and none is named',
      {
        hint: 'Name one with --from MODEL: showtell checkpoints lists them.',
      },
    );
  const manifests = await readManifests(store, request, before);
  const splits = chooseSplits(new Map([...manifests].map(([run, { manifest }]) => [run, manifest])), request);
  if (splits.validationSplits.length === 0 && hyperparameters.patience !== null)
    throw new ShowtellError('CONFIG_INVALID', 'patience waits for better results on a validation split, and there is none', {
      hint: 'Name one with --validation-split, or set patience=null.',
    });
  const asked: TrainingRecord = {
    formatVersion: TRAINING_FORMAT,
    training,
    manifests: Array.from(manifests, ([run, { key, sha256 }]) => ({ run, key, sha256 })),
    encoder: commonEncoder(manifests, warm),
    preset: request.preset ?? warm?.preset ?? DEFAULT_PRESET,
    hyperparameters,
    ...splits,
    from: warm?.from ?? null,
    seed: request.seed ?? 0,
  };
  if (before === undefined && (await claim(store, asked))) {
    for (const { run, key } of asked.manifests) await checkRunStays(store, { run, manifest: key });
    return { record: asked, created: true };
  }
  const record = before ?? (await readTraining(store, training));
  // Of two who freeze at once, the second may have seen a newer manifest.
  const found = differences(
    { ...record, manifests: record.manifests.map(({ run }) => run) },
    { ...asked, manifests: [...manifests.keys()] },
  );
  if (found.length === 0) return { record, created: false };
  throw new ShowtellError(
    'TRAINING_EXISTS',
    `Training ${training} exists with other settings:\n${found.map((line) => `  ${line}`).join('\n')}`,
    { hint: 'Give the new one another name: --name NAME.' },
  );
}

/**
 * Whether the training is there as it was asked for, having not been there before. The same bytes of another who asked at the same time
 * cannot be told from our own whose answer was lost, and need not be: the lease decides who trains.
 */
async function claim(store: ObjectStore, asked: TrainingRecord): Promise<boolean> {
  const key = keys.trainingJson(asked.training);
  const body = encodeRecord(asked);
  if ((await store.putIfAbsent(key, body)).created) return true;
  return (await store.get(key))?.body.equals(body) === true;
}

/** The frozen config of a training; `NOT_FOUND` lists those there are. */
export async function readTraining(store: ObjectStore, training: string): Promise<TrainingRecord> {
  const found = isName(training) ? await findTraining(store, training) : undefined;
  if (!found) throw unknownTraining(store, training, await trainingNames(store));
  return found;
}

async function findTraining(store: ObjectStore, training: string): Promise<TrainingRecord | undefined> {
  return (await readRecord(store, TrainingRecord, TRAINING_FORMAT, keys.trainingJson(training)))?.record;
}

function hyperparametersAsked({ preset, hyperparameters }: TrainingRequest, warm: WarmStart | undefined): Hyperparameters {
  return warm ? warmHyperparameters(warm, preset, hyperparameters) : hyperparametersOf(preset ?? DEFAULT_PRESET, hyperparameters);
}

/** The manifest of each run that is trained on, then of those that are only validated on: the frozen one where there is one. */
async function readManifests(
  store: ObjectStore,
  { runs, validationSplits = [] }: SplitsAsked,
  before: TrainingRecord | undefined,
): Promise<Map<string, FoundManifest>> {
  const twice = runs.find((run, index) => runs.indexOf(run) < index);
  if (twice !== undefined) throw new ShowtellError('CONFIG_INVALID', `Run ${twice} is to be trained on twice`, { hint: 'Name it once.' });
  const manifests = new Map<string, FoundManifest>();
  for (const run of [...runs, ...validationSplits.flatMap(({ run: named }) => named ?? [])]) {
    if (manifests.has(run)) continue;
    const frozen = before?.manifests.find((manifest) => manifest.run === run);
    const found = frozen ? await readManifest(store, frozen.key, frozen.sha256) : await newestManifest(store, checkName('run', run));
    manifests.set(run, found);
  }
  return manifests;
}

/** The one encoder of all runs, and of the checkpoint that a training begins with. */
function commonEncoder(manifests: ReadonlyMap<string, FoundManifest>, warm: WarmStart | undefined): EncoderIdentity {
  const [first, ...others] = [
    ...(warm ? [[`checkpoint ${warm.from.model}`, warm.encoder] as const] : []),
    ...Array.from(manifests, ([run, { manifest }]) => [`run ${run}`, manifest.encoder] as const),
  ];
  const [name, encoder] = first!;
  for (const [other, otherEncoder] of others) {
    const mixed = differences(encoder, otherEncoder, [`in ${name}`, `in ${other}`]);
    if (mixed.length > 0)
      throw new ShowtellError(
        'MIXED_ENCODER',
        `Features of ${name} and ${other} were made by different encoders:\n${mixed.map((line) => `  ${line}`).join('\n')}`,
        { hint: 'Encode the dataset as another run, with the same --weights and --precision: showtell enqueue SOURCE --run NAME.' },
      );
  }
  return encoder;
}
