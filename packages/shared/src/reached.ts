import { channel } from 'node:diagnostics_channel';

/** Lines between two effects, where a crash, a pause or a lost lock would tell most. */
export const POINTS = [
  /** A run's name is taken, it has no plan. Subject: the run. */
  'enqueue:claimed',
  /** The finalizer's job is there, those of shards are not. Subject: the run. */
  'enqueue:finalize-added',
  /** What was left of old jobs is removed, the new ones are not added. Subject: the run. */
  'enqueue:jobs-removed',
  /** Jobs of some shards, 500 at most, are added. Subject: the run. */
  'enqueue:jobs-added',
  /** The photos of a micro-batch are in Redis. Subject: `run/shard`. */
  'ingest:block-put',
  /** All pixels of a shard are in Redis, its encode job is not. Subject: `run/shard`. */
  'ingest:before-handover',
  /** The encode job is added, the ingest job not yet done. Subject: `run/shard`. */
  'ingest:handed-over',
  /** A micro-batch is there to be encoded. Subject: `run/shard`. */
  'encode:fetched',
  /** A micro-batch is encoded. Subject: `run/shard`. */
  'encode:encoded',
  /** All work of an encode job is done, its queue does not know yet. Subject: `run/shard`. */
  'encode:before-ack',
  /** All commits of a run are read, its manifest is not written. Subject: the run. */
  'finalize:read',
  /** One part of a commit is written. Subject: the record's key. */
  'commit:part-written',
  /** All parts are written, the record is not. Subject: the record's key. */
  'commit:parts-written',
  /** The record is written, and nothing after it done. Subject: the record's key. */
  'commit:record-written',
  /** A step is taken. Subject: the training. */
  'train:stepped',
  /** Validation begins. Subject: the training. */
  'train:validating',
  /** What was told since the last checkpoint is kept, nothing of the new one is. Subject: the training. */
  'checkpoint:figures-kept',
  /** A checkpoint is committed, its aliases are not moved. Subject: the training. */
  'checkpoint:before-aliases',
  /** `latest` is moved, `best` is not. Subject: the training. */
  'checkpoint:latest-moved',
] as const;
export type Point = (typeof POINTS)[number];

export interface Reached {
  readonly point: Point;
  readonly subject: string;
}

const REACHED = channel('showtell:reached');

/** Tells who listens on the diagnostics channel `showtell:reached`, before it returns, that a line was reached. Free where nobody listens. */
export function reached(point: Point, subject: string): void {
  if (REACHED.hasSubscribers) REACHED.publish({ point, subject } satisfies Reached);
}
