import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRecord } from '@showtell/shared/read-record';
import { AliasRecord, TRAINING_FORMAT } from '@showtell/shared/schema/checkpoint';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { Checkpoint } from './checkpoints';
import { fenced } from './lease';

export interface AliasMove {
  readonly alias: string;
  readonly checkpoint: Checkpoint;
  /** Of the one who moves; an alias that a later one has moved refuses. */
  readonly leaseEpoch: number;
  readonly metric: AliasRecord['metric'];
  readonly split: string | null;
  readonly by: string;
  readonly reason: string;
  /** True when what the alias names already is to stay; then it stays and is no error. */
  readonly keeps: (current: AliasRecord) => boolean;
}

/**
 * Points an alias at a checkpoint by compare-and-swap, again and again until nobody else got in between.
 * @returns what the alias names now.
 * @throws ShowtellError `FENCED` when a later lease epoch has moved it.
 */
export async function moveAlias(store: ObjectStore, training: string, move: AliasMove): Promise<AliasRecord> {
  const key = keys.alias(training, move.alias);
  for (;;) {
    const found = await readRecord(store, AliasRecord, TRAINING_FORMAT, key);
    const current = found?.record;
    if (current && current.leaseEpoch > move.leaseEpoch)
      throw fenced(
        `Alias ${move.alias} of training ${training} was moved under lease epoch ${current.leaseEpoch}; this trainer has ${move.leaseEpoch}`,
      );
    if (current && (move.keeps(current) || (current.sha256 === move.checkpoint.sha256 && current.leaseEpoch === move.leaseEpoch)))
      return current;
    const record: AliasRecord = {
      formatVersion: TRAINING_FORMAT,
      checkpoint: move.checkpoint.folder,
      sha256: move.checkpoint.sha256,
      step: move.checkpoint.record.step,
      leaseEpoch: move.leaseEpoch,
      metric: move.metric,
      split: move.split,
      by: move.by,
      at: new Date().toISOString(),
      reason: move.reason,
      previous: current && current.checkpoint !== move.checkpoint.folder ? current.checkpoint : (current?.previous ?? null),
    };
    const body = encodeRecord(record);
    const done = found ? (await store.replace(key, body, found.etag)).replaced : (await store.putIfAbsent(key, body)).created;
    if (done) return record;
  }
}

/** The aliases of a training by name. */
export async function readAliases(store: ObjectStore, training: string): Promise<Map<string, AliasRecord>> {
  const aliases = new Map<string, AliasRecord>();
  for await (const { key } of store.list(keys.aliases(training))) {
    const name = /\/aliases\/([^/]+)\.json$/.exec(key)?.[1];
    const found = name === undefined ? undefined : await readRecord(store, AliasRecord, TRAINING_FORMAT, key);
    if (name !== undefined && found) aliases.set(name, found.record);
  }
  return aliases;
}
