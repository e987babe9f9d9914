import { commit, readPart } from '@showtell/shared/commit';
import { concurrently } from '@showtell/shared/concurrently';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRecord } from '@showtell/shared/read-record';
import { CHECKPOINT_FORMAT, CheckpointRecord } from '@showtell/shared/schema/checkpoint';
import { encodeRecord } from '@showtell/shared/schema/record';
import { asCorruptCheckpointAsync, TAKE_ANOTHER } from './corrupt';

export const COMMIT_FILE = 'COMMIT.json';
/** Records read at once. */
const READS = 16;

/** A committed checkpoint. */
export interface Checkpoint {
  /** Its folder in the store, with a slash at the end. */
  readonly folder: string;
  /** Of COMMIT.json, which names the sha256 of everything else. */
  readonly sha256: string;
  /** The bytes of COMMIT.json. */
  readonly body: Buffer;
  readonly record: CheckpointRecord;
}

export type CheckpointFigures = Omit<CheckpointRecord, 'formatVersion' | 'files'>;

/** Commits a checkpoint: the files, then COMMIT.json. Until that is there, the checkpoint does not exist. */
export async function saveCheckpoint(
  store: ObjectStore,
  figures: CheckpointFigures,
  files: Readonly<Record<string, Buffer>>,
): Promise<Checkpoint> {
  const folder = keys.checkpoint(figures.training, figures.step, figures.leaseEpoch);
  const record: CheckpointRecord = {
    formatVersion: CHECKPOINT_FORMAT,
    ...figures,
    files: Object.fromEntries(Object.entries(files).map(([name, body]) => [name, { bytes: body.length, sha256: sha256(body) }])),
  };
  const body = encodeRecord(record);
  const parts = Object.entries(files).map(([name, bytes]) => ({ key: folder + name, body: bytes }));
  const result = await commit(store, { parts, recordKey: folder + COMMIT_FILE, record: body });
  // Step and lease epoch make the key this trainer's own, so what is there can only be its own, whose answer was lost.
  if (result.outcome === 'exists' && !result.body.equals(body))
    throw new ShowtellError('BUG', `Another checkpoint is committed at ${folder} although its lease epoch is this trainer's own`);
  return { folder, sha256: sha256(body), body, record };
}

/**
 * Reads COMMIT.json of a checkpoint.
 * @param expected its sha256 where an alias names it; another is `CORRUPT_CHECKPOINT`.
 */
export async function readCheckpoint(store: ObjectStore, folder: string, expected?: string): Promise<Checkpoint> {
  const key = folder + COMMIT_FILE;
  const found = await asCorruptCheckpointAsync(() => readRecord(store, CheckpointRecord, CHECKPOINT_FORMAT, key, { expected }));
  if (!found) throw new ShowtellError('NOT_FOUND', `No checkpoint is committed at ${folder} in ${store.url}`);
  const { record, body } = found;
  const { training, step, leaseEpoch } = record;
  if (keys.checkpoint(training, step, leaseEpoch) !== folder)
    throw new ShowtellError(
      'CORRUPT_CHECKPOINT',
      `Expected ${key} to be of this checkpoint but received that of ${keys.checkpoint(training, step, leaseEpoch)}`,
      { hint: TAKE_ANOTHER },
    );
  return { folder, sha256: found.sha256, body, record };
}

/** Reads files of a checkpoint, each checked against COMMIT.json; `CORRUPT_CHECKPOINT` names the file. */
export async function readCheckpointFiles<Name extends string>(
  store: ObjectStore,
  { folder, record }: Checkpoint,
  names: readonly Name[],
): Promise<Record<Name, Buffer>> {
  const files: Partial<Record<Name, Buffer>> = {};
  for (const name of names) {
    const expected = record.files[name];
    if (!expected) throw new ShowtellError('CORRUPT_CHECKPOINT', `${folder}${COMMIT_FILE} does not name ${name}`);
    files[name] = await asCorruptCheckpointAsync(() => readPart(store, { key: folder + name, ...expected }));
  }
  return files as Record<Name, Buffer>;
}

/** A committed checkpoint as its key tells it. */
export interface CheckpointKey {
  readonly folder: string;
  readonly step: number;
  readonly leaseEpoch: number;
}

/**
 * The committed checkpoints of a training, oldest first: by lease epoch, then by step. A trainer begins at the newest
 * checkpoint that it finds, so whatever a later lease epoch committed follows from all that came before.
 */
export async function checkpointKeys(store: ObjectStore, training: string): Promise<CheckpointKey[]> {
  const found: CheckpointKey[] = [];
  for await (const { key } of store.list(keys.checkpoints(training))) {
    const [, folder, step, leaseEpoch] = /^(.*\/(\d+)-(\d+)\/)COMMIT\.json$/.exec(key) ?? [];
    if (folder !== undefined) found.push({ folder, step: Number(step), leaseEpoch: Number(leaseEpoch) });
  }
  return found.sort((a, b) => a.leaseEpoch - b.leaseEpoch || a.step - b.step);
}

/** The checkpoint that a training goes on from, or `undefined` before its first. */
export async function newestCheckpoint(store: ObjectStore, training: string): Promise<Checkpoint | undefined> {
  const newest = (await checkpointKeys(store, training)).at(-1);
  return newest && readCheckpoint(store, newest.folder);
}

/** All committed checkpoints of a training with their figures, oldest first. */
export async function listCheckpoints(store: ObjectStore, training: string): Promise<Checkpoint[]> {
  const found: Checkpoint[] = [];
  await concurrently(await checkpointKeys(store, training), READS, async ({ folder }, index) => {
    found[index] = await readCheckpoint(store, folder);
  });
  return found;
}
