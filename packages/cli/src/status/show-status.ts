import { setTimeout as sleep } from 'node:timers/promises';
import { recentShares } from '@showtell/ingest/admin/recent-shares';
import { GOES_ON, type RunStatus, runStatus } from '@showtell/ingest/admin/status';
import { EXIT, isShowtellError } from '@showtell/shared/errors';
import { runNames } from '@showtell/shared/planned-run';
import { openQueues } from '@showtell/shared/queue/open-queues';
import type { Queues } from '@showtell/shared/queue/queues';
import { unlessAborted } from '@showtell/shared/queue/until';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import type { CommandContext } from '../context';
import { asJson, print } from '../output/print';
import { stuck } from './follow-run';
import { formatRun, formatRuns, type ListedRun, type UnreadableRun } from './format-status';

export interface ShowStatusOptions {
  /** One run, or all of them. */
  readonly run?: string | undefined;
  readonly watch: boolean;
  readonly json: boolean;
}

const WATCH_MILLISECONDS = 1_000;
/** Clears the screen and goes to its upper left corner. */
const CLEAR = '\u001b[2J\u001b[H';

/**
 * Prints how runs stand; with `watch` again every second until all of them are complete or cancelled.
 * What is done comes from the store: without a Redis address only jobs and workers are left out.
 * Of all runs, one with a damaged record keeps none of the others from being printed.
 * @throws ShowtellError `RUN_STUCK` when a run that was printed cannot go on by itself; what is damaged, once the rest is printed.
 */
export async function showStatus(context: CommandContext, { run, watch, json }: ShowStatusOptions): Promise<void> {
  const { store, settings, logger, shutdown, signal } = context;
  const queues: Queues | undefined = settings.redis === undefined ? undefined : (await openQueues(settings, logger, shutdown, true)).queues;
  const known = new Map<string, Map<number, CommitRecord>>();
  const look = async (name: string) => {
    const commits = known.get(name) ?? new Map<number, CommitRecord>();
    known.set(name, commits);
    return unlessAborted(runStatus(store, queues, name, { known: commits, signal }), signal);
  };
  for (;;) {
    const names = run === undefined ? await runNames(store, { signal }) : [run];
    const found: RunStatus[] = [];
    const unreadable: UnreadableRun[] = [];
    for (const name of names)
      try {
        found.push(await look(name));
      } catch (error) {
        if (run !== undefined || !isShowtellError(error) || error.exitCode !== EXIT.DAMAGED) throw error;
        unreadable.push({ run: name, error });
      }
    if (watch && process.stdout.isTTY) process.stdout.write(CLEAR);
    print(format(run === undefined ? withShares(found, known) : found, unreadable, { run, json }));
    if (unreadable[0] !== undefined) throw unreadable[0].error;
    const halted = found.find(({ state }) => !GOES_ON.has(state));
    if (halted !== undefined) throw stuck(halted);
    // A paused run may go on at any time, a cancelled one stays as it is.
    if (!watch || found.every(({ state }) => state === 'complete' || state === 'cancelled')) return;
    await sleep(WATCH_MILLISECONDS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function withShares(found: readonly RunStatus[], known: ReadonlyMap<string, ReadonlyMap<number, CommitRecord>>): ListedRun[] {
  const running = found.filter(({ state }) => state === 'running').map(({ run }) => ({ run, commits: known.get(run)!.values() }));
  const shares = recentShares(running);
  return found.map((status) => ({ ...status, share: shares.get(status.run) }));
}

function format(
  found: readonly RunStatus[],
  unreadable: readonly UnreadableRun[],
  { run, json }: { run: string | undefined; json: boolean },
): string {
  const damaged = unreadable.map(({ run: name, error: { code, message } }) => ({
    run: name,
    state: 'unreadable',
    error: { code, message },
  }));
  if (json) return asJson(run === undefined ? [...found, ...damaged] : found[0]);
  return run === undefined ? formatRuns(found, unreadable) : formatRun(found[0]!);
}
