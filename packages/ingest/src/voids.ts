import { concurrently } from '@showtell/shared/concurrently';
import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlannedRun } from '@showtell/shared/planned-run';
import { readRecord } from '@showtell/shared/read-record';
import type { Repaired } from '@showtell/shared/schema/manifest';
import { VOID_FORMAT, VoidRecord } from '@showtell/shared/schema/void';

const CONCURRENCY = 32;

interface Options {
  readonly signal?: AbortSignal;
}

/** Which void record: the `number`-th of that shard. */
export interface VoidNumber {
  readonly shard: number;
  readonly number: number;
}

/** The void records of a run, or of one of its shards, by shard and number. */
export async function listVoids(
  store: ObjectStore,
  run: string,
  { shard: one, ...options }: Options & { readonly shard?: number } = {},
): Promise<VoidNumber[]> {
  const found: VoidNumber[] = [];
  for await (const { key } of store.list(one === undefined ? keys.voids(run) : voidsOf(run, one), options)) {
    const [, shard, number] = /\/(\d+)-(\d+)\.json$/.exec(key)?.map(Number) ?? [];
    if (shard !== undefined && number !== undefined) found.push({ shard, number });
  }
  return found.sort((a, b) => a.shard - b.shard || a.number - b.number);
}

/** What the keys of a shard's void records begin with. */
const voidsOf = (run: string, shard: number) => keys.void(run, shard, 1).replace(/1\.json$/, '');

export async function readVoid(
  store: ObjectStore,
  run: string,
  { shard, number }: VoidNumber,
  options?: Options,
): Promise<VoidRecord | undefined> {
  try {
    return (await readRecord(store, VoidRecord, VOID_FORMAT, keys.void(run, shard, number), options))?.record;
  } catch (error) {
    if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    const hint = 'Bring it back from a copy of the store, or delete it: then the next manifest does not tell of it.';
    throw new ShowtellError(error.code, error.message, { cause: error, retryable: false, hint });
  }
}

/** What a run's manifest tells of the shards that were encoded again. Void records never change and are never deleted. */
export async function readRepaired(store: ObjectStore, run: PlannedRun, options?: Options): Promise<Repaired[]> {
  const listed = (await listVoids(store, run.name, options)).filter((entry) => isPlanned(run, entry));
  const repaired: Repaired[] = [];
  await concurrently(listed, CONCURRENCY, async (entry, index) => {
    const { shard, number, reason, was, manifest } = (await readVoid(store, run.name, entry, options))!;
    repaired[index] = { shard, void: number, reason, was, after: manifest };
  });
  return repaired;
}

/** A manifest never named what its plan has not. */
export const isPlanned = ({ plan }: PlannedRun, { shard }: Pick<VoidNumber, 'shard'>) => plan.shards[shard]?.shard === shard;
