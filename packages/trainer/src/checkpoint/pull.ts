import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { localFileError } from '@showtell/shared/local-file-error';
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
  const path = resolve(outFolder);
  await refuseOccupied(path, outFolder);
  const checkpoint = await resolveModel(store, model);
  const partial = `${path}.partial-${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await mkdir(partial);
    let bytes = 0;
    const keep = async (name: string, body: Buffer) => {
      signal?.throwIfAborted();
      await writeDurably(join(partial, name), body);
      bytes += body.length;
    };
    for (const name of withOptimizer ? TRAINER_FILES : CAPTIONER_FILES)
      await keep(name, (await readCheckpointFiles(store, checkpoint, [name]))[name]);
    await keep(COMMIT_FILE, checkpoint.body);
    await keep(ENCODER_FILE, await readEncoderWeights(store, checkpoint));
    await openCheckpointFolder(partial);
    await rename(partial, path).catch((cause: unknown) => {
      throw new ShowtellError('USAGE', `${outFolder} appeared while the checkpoint was being pulled`, { cause });
    });
    return { ...checkpoint, path, bytes };
  } catch (error) {
    throw localFileError(error, 'write the checkpoint to', path);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function readEncoderWeights(store: ObjectStore, checkpoint: Checkpoint): Promise<Buffer> {
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

async function refuseOccupied(path: string, shown: string): Promise<void> {
  const there = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new ShowtellError('USAGE', `Expected a new or empty folder for the checkpoint but ${shown} is not one: ${error.message}`, {
      cause: error,
    });
  });
  if (there.length > 0)
    throw new ShowtellError('USAGE', `Expected a new or empty folder for the checkpoint but ${shown} is not empty`, {
      hint: 'Name another folder, or remove this one first.',
    });
}

async function writeDurably(path: string, body: Buffer): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
}
