import { ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readRecord } from '@showtell/shared/read-record';
import { DoneRecord, TRAINING_FORMAT } from '@showtell/shared/schema/checkpoint';
import { encodeRecord } from '@showtell/shared/schema/record';

/** How a training ended, or `undefined` while it has not. */
export async function readDone(store: ObjectStore, training: string): Promise<DoneRecord | undefined> {
  return (await readRecord(store, DoneRecord, TRAINING_FORMAT, keys.done(training)))?.record;
}

/** Writes the end once; the first word stands. */
export async function writeDone(store: ObjectStore, training: string, end: Omit<DoneRecord, 'formatVersion'>): Promise<void> {
  await store.putIfAbsent(keys.done(training), encodeRecord({ formatVersion: TRAINING_FORMAT, ...end } satisfies DoneRecord));
}

/** What whoever waits for a training is told whose end is `diverged`. @param reason of its `done.json` */
export function hasDiverged(training: string, reason: string): ShowtellError {
  return new ShowtellError('DIVERGED', `Training ${training} has diverged: ${reason}`, {
    hint: 'Train again under another name with a lower learning rate or with clipping; the last good checkpoint is kept.',
  });
}
