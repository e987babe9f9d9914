import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { CHECKPOINT_FORMAT, CheckpointRecord } from '@showtell/shared/schema/checkpoint';
import { parseRecord } from '@showtell/shared/schema/record';
import { COMMIT_FILE } from './checkpoints';
import { asCorruptCheckpointAsync } from './corrupt';
import { CAPTIONER_FILES, type CaptionerFiles, decodeCaptionerFiles } from './files';

/** The encoder in a pulled folder, so that a deployer needs nothing else: what the store has under `weights/`, safetensors or ONNX. */
export const ENCODER_FILE = 'encoder.weights';

/** A pulled checkpoint, every file of it verified. */
export interface CheckpointFolder extends CaptionerFiles {
  readonly folder: string;
  readonly record: CheckpointRecord;
  /** Path of the encoder's weights. */
  readonly encoderWeights: string;
}

/**
 * Whether a MODEL means a folder rather than a checkpoint of the store: something lies there, or it is a path, which no training is
 * called. So a mistyped path is told as the folder that is not there.
 */
export const meansFolder = (model: string) => existsSync(model) || /[/\\]/.test(model);

/**
 * Opens a folder that `pull` made. Of the files that COMMIT.json names, those that captions are made with must be there; what only
 * a trainer needs may be missing, but whatever is there must be what COMMIT.json says.
 * @throws ShowtellError `NOT_FOUND` (no such folder, or not a checkpoint), `CORRUPT_CHECKPOINT` naming a file that was changed,
 * `FORMAT_VERSION`.
 */
export async function openCheckpointFolder(path: string): Promise<CheckpointFolder> {
  const folder = resolve(path);
  const body = await read(join(folder, COMMIT_FILE));
  if (!body)
    throw new ShowtellError(
      'NOT_FOUND',
      existsSync(folder) ? `${path} is not a pulled checkpoint: it has no ${COMMIT_FILE}` : `There is no folder ${path}`,
      { hint: 'Make one: `showtell pull MODEL --out DIR`.' },
    );
  return asCorruptCheckpointAsync(async () => {
    const record = parseRecord(CheckpointRecord, CHECKPOINT_FORMAT, body, join(folder, COMMIT_FILE));
    const unnamed = CAPTIONER_FILES.find((name) => !(name in record.files));
    if (unnamed !== undefined) throw new ShowtellError('CORRUPT_CHECKPOINT', `${join(folder, COMMIT_FILE)} does not name ${unnamed}`);
    const files: Record<string, Buffer> = {};
    for (const [name, { sha256: expected }] of Object.entries(record.files)) {
      const found = await readVerified(join(folder, name), expected);
      if (found) files[name] = found;
      else if (isNeeded(name)) throw absent(join(folder, name));
    }
    const captioner = decodeCaptionerFiles(files as Record<(typeof CAPTIONER_FILES)[number], Buffer>, `${folder}/`);
    const encoderWeights = join(folder, ENCODER_FILE);
    if (!(await readVerified(encoderWeights, captioner.preprocessing.encoder.weightsSha256))) throw absent(encoderWeights);
    return { ...captioner, folder, record, encoderWeights };
  });
}

const isNeeded = (name: string) => (CAPTIONER_FILES as readonly string[]).includes(name);
const absent = (path: string) => new ShowtellError('CORRUPT_CHECKPOINT', `${path} is missing`, { hint: HINT });

async function readVerified(path: string, expected: string): Promise<Buffer | undefined> {
  const body = await read(path);
  const actual = body && sha256(body);
  if (actual !== undefined && actual !== expected)
    throw new ShowtellError('CORRUPT_CHECKPOINT', `Expected sha256 ${expected} for ${path} but received ${actual}`, { hint: HINT });
  return body;
}

const HINT = 'The folder was changed since it was pulled; pull the checkpoint again into another one.';

/** A folder from somewhere else may have devices and pipes in it, which never end. */
async function read(path: string): Promise<Buffer | undefined> {
  try {
    if (!(await stat(path)).isFile())
      throw new ShowtellError('CORRUPT_CHECKPOINT', `Expected a file at ${path} but received something else`, { hint: HINT });
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
