import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { NamedTensor } from '@showtell/shared/safetensors';
import type { Hyperparameters, TrainingRecord } from '@showtell/shared/schema/checkpoint';
import type { EncoderIdentity } from '@showtell/shared/schema/encoder-identity';
import { readCheckpoint, readCheckpointFiles } from '../checkpoint/checkpoints';
import { CAPTIONER_FILES, type CaptionerFiles, decodeCaptionerFiles } from '../checkpoint/files';
import { resolveModel } from '../checkpoint/model-name';
import type { Vocabulary } from '../dataset/vocabulary';
import type { Architecture } from '../model/parameters';
import { hyperparametersOf } from '../model/presets/presets';

type Lineage = NonNullable<TrainingRecord['from']>;

/** A checkpoint that a training begins with. */
export interface WarmStart {
  readonly from: Lineage;
  readonly preset: string;
  readonly hyperparameters: Hyperparameters;
  readonly encoder: EncoderIdentity;
  readonly weights: ReadonlyMap<string, NamedTensor>;
  readonly vocabulary: Vocabulary;
}

/**
 * The checkpoint that MODEL names now, or, where a training was frozen with that MODEL, the one it named then.
 * Errors as of `resolveModel` and `readCheckpointFiles`.
 */
export async function findWarmStart(store: ObjectStore, model: string, frozen: Lineage | null): Promise<WarmStart> {
  if (frozen?.model === model) return readWarmStart(store, frozen);
  const { folder, sha256 } = await resolveModel(store, model);
  return readWarmStart(store, { model, checkpoint: folder, sha256 });
}

/** Reads the checkpoint that a training's record names; another than was frozen is `CORRUPT_CHECKPOINT`. */
export async function readWarmStart(store: ObjectStore, from: Lineage): Promise<WarmStart> {
  const checkpoint = await readCheckpoint(store, from.checkpoint, from.sha256);
  const files: CaptionerFiles = decodeCaptionerFiles(await readCheckpointFiles(store, checkpoint, CAPTIONER_FILES), checkpoint.folder);
  const { preset, hyperparameters, encoder } = files.training;
  return { from, preset, hyperparameters, encoder, weights: files.weights, vocabulary: files.vocabulary };
}

/**
 * The hyper-parameters of a training that begins with a checkpoint: what shapes network and vocabulary is the checkpoint's, the rest the
 * preset's (without one: the checkpoint's), with `overrides` in their place.
 * @throws ShowtellError `CONFIG_INVALID` when an override asks for another network or vocabulary.
 */
export function warmHyperparameters(
  { from, preset: own, hyperparameters }: WarmStart,
  preset: string | undefined,
  overrides: Readonly<Record<string, unknown>> = {},
): Hyperparameters {
  const shaping = Object.fromEntries(SHAPING.map((name) => [name, hyperparameters[name]]));
  const other = SHAPING.filter((name) => overrides[name] !== undefined && overrides[name] !== hyperparameters[name]);
  if (other.length > 0)
    throw new ShowtellError(
      'CONFIG_INVALID',
      `Network and vocabulary come from checkpoint ${from.model}, which has ${other.map((name) => `${name}=${hyperparameters[name]}`).join(', ')}; ` +
        `${other.map((name) => `${name}=${String(overrides[name])}`).join(', ')} does not fit it`,
      { hint: 'Leave it out, or train from the beginning: without --from.' },
    );
  return hyperparametersOf(preset ?? own, { ...(preset === undefined ? hyperparameters : shaping), ...overrides });
}

/** What fixes the network, and what the vocabulary is made with. */
const SHAPING_SET = {
  units: true,
  embedding: true,
  image: true,
  imageActivation: true,
  standardize: true,
  layerNorm: true,
  tiedEmbeddings: true,
  minWordCount: true,
} as const satisfies Record<Exclude<keyof Architecture, 'dimension' | 'vocabularySize'> | 'minWordCount', true>;
const SHAPING = Object.keys(SHAPING_SET) as (keyof typeof SHAPING_SET)[];
