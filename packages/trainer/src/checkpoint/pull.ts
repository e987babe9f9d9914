import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { fillNewFolder } from '@showtell/shared/new-folder';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type Checkpoint, COMMIT_FILE, readCheckpointFiles } from './checkpoints';
import { CAPTIONER_FILES, decodePreprocessing, TRAINER_FILES } from './files';
import { ENCODER_FILE, openCheckpointFolder } from './folder';
import { resolveModel } from './model-name';

export interface PulledCheckpoint extends Checkpoint {
  /** Absolute path. */
  readonly path: string;
  readonly bytes: number;
}

export interface PullOptions {
  readonly signal?: AbortSignal;
  /** Takes along what a trainer goes on with, too: `optimizer.safetensors`, twice the captioner's size, and `cursor.json`. */
  readonly withOptimizer?: boolean;
}

/**
 * Copies what captions are made with, of a checkpoint, and its encoder's weights into a folder, verified, all or nothing: the folder
 * appears under its name when it is complete.
 * @param model `TRAINING`, `TRAINING@ALIAS` or `TRAINING:STEP`.
 * @throws ShowtellError `USAGE` when the folder exists and is not empty; the errors of `resolveModel`; `CORRUPT_CHECKPOINT`; `DISK_FULL`, `FILE_DENIED`.
 */
export async function pullCheckpoint(
  store: ObjectStore,
  model: string,
  outFolder: string,
  { signal, withOptimizer = false }: PullOptions = {},
): Promise<PulledCheckpoint> {
  const { path, bytes, result } = await fillNewFolder(
    outFolder,
    'the checkpoint',
    async ({ partial, keep }) => {
      const checkpoint = await resolveModel(store, model);
      for (const name of withOptimizer ? TRAINER_FILES : CAPTIONER_FILES)
        await keep(name, (await readCheckpointFiles(store, checkpoint, [name]))[name]);
      await keep(COMMIT_FILE, checkpoint.body);
      await keep(ENCODER_FILE, await readEncoderWeights(store, checkpoint));
      await openCheckpointFolder(partial);
      return checkpoint;
    },
    signal,
  );
  return { ...result, path, bytes };
}

/** The encoder's file, verified; see `ENCODER_FILE`. */
export async function readEncoderWeights(store: ObjectStore, checkpoint: Checkpoint): Promise<Buffer> {
  const { 'preprocessing.json': file } = await readCheckpointFiles(store, checkpoint, ['preprocessing.json']);
  const { weightsKey, encoder } = decodePreprocessing(file, checkpoint.folder);
  const found = await store.get(weightsKey);
  if (!found)
    throw new ShowtellError(
      'CORRUPT_CHECKPOINT',
      `The encoder weights ${weightsKey} of checkpoint ${checkpoint.folder} are not in ${store.url}`,
    );
  const actual = sha256(found.body);
  if (actual === encoder.weightsSha256) return found.body;
  throw new ShowtellError('CORRUPT_CHECKPOINT', `Expected sha256 ${encoder.weightsSha256} for ${weightsKey} but received ${actual}`);
}
