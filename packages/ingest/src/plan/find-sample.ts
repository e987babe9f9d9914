import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { concurrently } from '@showtell/shared/concurrently';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlanRow, PlanShard } from '@showtell/shared/schema/plan';
import { ordersOf } from '../source/image-ids';

/** Parts of plans that are read at once when all of them must be. */
const READS = 32;

/** A planned shard, and image ids of it that are not looked for. */
export interface SearchedShard extends PlanShard {
  readonly dropped?: readonly string[] | undefined;
}

export interface PlannedSample<Shard extends SearchedShard> {
  readonly shard: Shard;
  readonly row: PlanRow;
}

/**
 * Looks for a sample by its image id. The shards of a split stand in the order of their ids, so that of 20,000 shards some
 * fifteen parts of the plan are read.
 * @param shards of one plan, in its order.
 */
export async function findById<Shard extends SearchedShard>(
  store: ObjectStore,
  shards: readonly Shard[],
  imageId: string,
  signal?: AbortSignal,
): Promise<PlannedSample<Shard> | undefined> {
  const known = new Map<Shard, PlanRow[]>();
  const read = async (shard: Shard) => {
    const rows = known.get(shard) ?? (await readPlanRows(store, shard, signal));
    known.set(shard, rows);
    return rows;
  };
  const splits = new Set(shards.map(({ split }) => split));
  const found = await Promise.all(
    Array.from(splits, async (split) => {
      const own = shards.filter((shard) => shard.split === split);
      for (const compare of ordersOf(imageId)) {
        let [low, high] = [0, own.length];
        while (low < high) {
          const middle = (low + high) >>> 1;
          const shard = own[middle]!;
          const rows = await read(shard);
          if (compare(imageId, rows[0]!.imageId) < 0) high = middle;
          else if (compare(imageId, rows.at(-1)!.imageId) > 0) low = middle + 1;
          else {
            const row = rows.find((one) => one.imageId === imageId);
            if (row !== undefined && !shard.dropped?.includes(imageId)) return { shard, row };
            break;
          }
        }
      }
      return undefined;
    }),
  );
  return found.find((sample) => sample !== undefined);
}

/** Looks for samples by their file name, which reads all of the plan. */
export async function findByFileName<Shard extends SearchedShard>(
  store: ObjectStore,
  shards: readonly Shard[],
  fileName: string,
  { signal, onPart }: { readonly signal?: AbortSignal | undefined; readonly onPart: () => void },
): Promise<PlannedSample<Shard>[]> {
  const found: PlannedSample<Shard>[] = [];
  await concurrently(shards, READS, async (shard) => {
    for (const row of await readPlanRows(store, shard, signal))
      if (row.fileName === fileName && !shard.dropped?.includes(row.imageId)) found.push({ shard, row });
    onPart();
  });
  return found;
}

export async function readPlanRows(store: ObjectStore, { key, bytes, sha256 }: PlanShard, signal?: AbortSignal): Promise<PlanRow[]> {
  return decodePlanRows(await readPart(store, { key, bytes, sha256 }, signal && { signal }), key);
}
