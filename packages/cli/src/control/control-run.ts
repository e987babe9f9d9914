import { cancelRun, type Halted, pauseRun } from '@showtell/ingest/admin/halt';
import { isEncoded } from '@showtell/ingest/admin/is-encoded';
import { type Resumed, resumeRun } from '@showtell/ingest/admin/resume';
import { type ChangedPriority, setPriority } from '@showtell/ingest/admin/set-priority';
import { ShowtellError } from '@showtell/shared/errors';
import { findPlannedRun, type PlannedRun } from '@showtell/shared/planned-run';
import { openQueues, type RedisServices } from '@showtell/shared/queue/open-queues';
import pc from 'picocolors';
import type { CommandContext } from '../context';
import { plural } from '../output/format';
import { asJson, print } from '../output/print';

interface Control {
  /** The run's name. */
  readonly run: string;
  readonly json: boolean;
}

type Services = CommandContext & RedisServices & { readonly planned: PlannedRun };

/**
 * Opens what changing a run needs, once there is such a run: a mistyped name is told whatever is wrong with Redis.
 * @throws ShowtellError `UNSAFE_STORE` among others: the control record is changed by compare-and-swap.
 */
async function open(context: CommandContext, run: string): Promise<Services> {
  const { settings, store, logger, shutdown, signal } = context;
  const planned = await findPlannedRun(store, run, { signal });
  const redis = await openQueues(settings, logger, shutdown);
  await store.probe({ signal });
  return { ...context, ...redis, planned };
}

function answer<T>(report: T, json: boolean, format: (report: T) => string): void {
  print(json ? asJson(report) : format(report));
}

export async function pause(context: CommandContext, { run, json }: Control): Promise<void> {
  answer(await pauseRun({ ...(await open(context, run)), run }), json, formatPaused);
}

export async function cancel(context: CommandContext, { run, json }: Control): Promise<void> {
  answer(await cancelRun({ ...(await open(context, run)), run }), json, formatCancelled);
}

export async function resume(context: CommandContext, { run, json }: Control): Promise<void> {
  answer(await resumeRun({ ...(await open(context, run)), run }), json, formatResumed);
}

export async function changePriority(
  context: CommandContext,
  { run: name, priority, json }: Control & { priority: number },
): Promise<void> {
  const { planned: run, ...services } = await open(context, name);
  if (await isEncoded(services.store, run, { signal: context.signal }))
    throw new ShowtellError('USAGE', `The run ${name} is complete, so no worker has anything to do for it`);
  answer(await setPriority({ ...services, run, priority }), json, formatPriority);
}

const ago = ({ before, state }: Halted) => (before === state ? ' (it was before)' : '');
const goesOn = (run: string) => pc.dim(`showtell resume ${run} goes on with it.\n`);

export function formatPaused(halted: Halted): string {
  const { run, removed, active } = halted;
  const finished = active === 0 ? '' : `; ${plural(active, 'shard')} at work: encoders finish and commit theirs`;
  return `Paused ${pc.bold(run)}${ago(halted)}: ${plural(removed, 'shard')} taken out of the queue${finished}\n${goesOn(run)}`;
}

export function formatCancelled(halted: Halted): string {
  const { run, removed, active } = halted;
  const dropped = active === 0 ? '' : `; ${plural(active, 'shard')} at work: the workers drop them`;
  const text = `Cancelled ${pc.bold(run)}${ago(halted)}: ${plural(removed, 'shard')} taken out of the queue${dropped}\n`;
  return `${text}${pc.dim('What is committed stays.')} ${goesOn(run)}`;
}

export function formatResumed({ run, before, shards }: Resumed): string {
  const { planned, committed, waiting, added } = shards;
  const left = planned - committed;
  if (left === 0) return `${pc.bold(run)} has all of its ${plural(planned, 'shard')} committed: nothing is left to encode\n`;
  const counts = `${plural(added, 'shard')} added, ${committed} of ${planned} committed before`;
  if (before !== 'running') return `${pc.bold(run)} goes on (it was ${before}): ${counts}\n`;
  return `${pc.bold(run)} was neither paused nor cancelled: ${added > 0 ? `${counts}, ` : ''}${plural(waiting, 'shard')} on ${waiting === 1 ? 'its' : 'their'} way\n`;
}

export function formatPriority({ run, before, priority, reordered }: ChangedPriority): string {
  const had = before === priority ? 'as before' : `it had ${before}`;
  return `${pc.bold(run)} has priority ${priority} now (${had}): ${plural(reordered, 'waiting shard')} in a new order\n`;
}
