import { setTimeout as sleep } from 'node:timers/promises';
import { type RunStatus, runStatus } from '@showtell/ingest/admin/status';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { Queues } from '@showtell/shared/queue/queues';
import { unlessAborted } from '@showtell/shared/queue/until';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { enqueueAgain } from '../enqueue/enqueue-again';

const EVERY_MILLISECONDS = 1_000;
/** Looks at which a run must be halted before that is believed: the finalizer may just be healing it. */
const HALTED_LOOKS = 3;
/** A paused run waits for its operator, and so does who waits for it. */
const MOVES: ReadonlySet<RunStatus['state']> = new Set(['planning', 'running', 'paused']);

export interface FollowOptions {
  readonly store: ObjectStore;
  readonly queues: Queues;
  readonly run: string;
  readonly signal: AbortSignal;
  readonly onStatus: (status: RunStatus) => void;
}

/** Looks at a run once a second until it is complete. @throws ShowtellError `RUN_STUCK` when it cannot go on by itself. */
export async function followRun({ store, queues, run, signal, onStatus }: FollowOptions): Promise<RunStatus> {
  const known = new Map<number, CommitRecord>();
  for (let halted = 0; ; await sleep(EVERY_MILLISECONDS, undefined, { signal }).catch(() => signal.throwIfAborted())) {
    const status = await unlessAborted(runStatus(store, queues, run, { known, signal }), signal);
    onStatus(status);
    if (status.state === 'complete') return status;
    halted = MOVES.has(status.state) ? 0 : halted + 1;
    if (halted >= HALTED_LOOKS) throw stuck(status);
  }
}

/** Why a run cannot go on, and what to do about it. */
export function stuck({ run, state, failures, shards, request }: RunStatus): ShowtellError {
  const what = shards.failed === 0 ? 'finalizing it has failed' : `${shards.failed} of ${shards.planned} shards have failed`;
  const why = {
    failed: `${what}${failures[0] === undefined ? '' : `: ${failures[0].reason}`}`,
    lost:
      shards.committed < shards.planned
        ? 'shards are missing and it has no job in Redis'
        : 'all of its shards are committed but no manifest tells of them, and it has no finalizer in Redis',
    paused: 'it is paused',
    cancelled: 'it is cancelled',
  }[state as 'failed' | 'lost' | 'paused' | 'cancelled'];
  const again = `it again, which adds only what is missing: ${enqueueAgain(request)}`;
  const resume = `showtell resume ${run} goes on with it`;
  const hint = { failed: `Mend the cause, then enqueue ${again}`, lost: `Enqueue ${again}`, paused: resume, cancelled: resume }[
    state as string
  ];
  return new ShowtellError('RUN_STUCK', `The run ${run} cannot go on: ${why ?? state}`, hint === undefined ? {} : { hint });
}
