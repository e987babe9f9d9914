import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { CheckpointRecord } from '@showtell/shared/schema/checkpoint';
import { readCheckpointFiles } from './checkpoints';
import { CAPTIONER_FILES, type CaptionerFiles, decodeCaptionerFiles } from './files';
import { meansFolder, openCheckpointFolder } from './folder';
import { resolveModel } from './model-name';

/** What captions are made with, wherever it lay. */
export interface OpenModel extends CaptionerFiles {
  /** As the user named it. */
  readonly model: string;
  /** The checkpoint's folder, in the store or on this machine. */
  readonly folder: string;
  readonly record: CheckpointRecord;
}

/**
 * Opens a MODEL: a folder that `pull` made, or `TRAINING`, `TRAINING@ALIAS`, `TRAINING:STEP` of the store; every file is verified.
 * Errors as of `openCheckpointFolder`, `resolveModel` and `readCheckpointFiles`.
 */
export async function openModel(store: ObjectStore, model: string): Promise<OpenModel> {
  if (meansFolder(model)) return { ...(await openCheckpointFolder(model)), model };
  const checkpoint = await resolveModel(store, model);
  const { folder, record } = checkpoint;
  return { ...decodeCaptionerFiles(await readCheckpointFiles(store, checkpoint, CAPTIONER_FILES), folder), model, folder, record };
}
