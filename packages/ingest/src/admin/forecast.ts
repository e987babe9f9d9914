import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { concurrently } from '@showtell/shared/concurrently';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { listCommitted, missingShards, type PlannedRun, planShard } from '@showtell/shared/planned-run';
import type { PlanRow } from '@showtell/shared/schema/plan';
import { type Estimate, estimate, type Work, workOf } from '../plan/estimate';
import { measuredRates } from './measured-rates';

/** Plan parts read at once. */
const PARTS_AT_ONCE = 16;

/**
 * What is left of a run will take. Nothing is written.
 * @param rows of a plan that is not written: what it would plan. Of one that is, what is not committed is read from the store.
 */
export async function forecast(
  store: ObjectStore,
  run: PlannedRun,
  rows: Iterable<PlanRow> | undefined,
  options?: { readonly signal?: AbortSignal },
): Promise<Estimate> {
  const work = rows === undefined ? await workLeft(store, run, options) : workOf(rows, run.plan.shards.length);
  const rates = await measuredRates(store, run.plan.encoder, options);
  return estimate(run.plan, work, { source: run.request.source, isPlanned: rows === undefined, rates });
}

async function workLeft(store: ObjectStore, run: PlannedRun, options?: { readonly signal?: AbortSignal }): Promise<Work> {
  const missing = missingShards(run, await listCommitted(store, run.name, options));
  const works: Work[] = [];
  await concurrently(missing, PARTS_AT_ONCE, async (shard) => {
    const part = planShard(run, shard);
    works.push(workOf(decodePlanRows(await readPart(store, part, options), part.key), 1));
  });
  const sum = (member: keyof Work) => works.reduce((total, work) => total + work[member], 0);
  return { shards: sum('shards'), photos: sum('photos'), sourceBytes: sum('sourceBytes'), nameBytes: sum('nameBytes') };
}
