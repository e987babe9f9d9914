import { Ahead } from '@showtell/shared/ahead';
import { decodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { ShowtellError } from '@showtell/shared/errors';
import { canonicalJson } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { type FoundManifest, newestManifest } from '@showtell/shared/manifests';
import { checkName } from '@showtell/shared/names';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { type PlannedRun, planShard, readCommit, readPlannedRun } from '@showtell/shared/planned-run';
import type { ManifestShard } from '@showtell/shared/schema/manifest';
import type { PlanBase, PlanRow } from '@showtell/shared/schema/plan';
import type { RunRecord } from '@showtell/shared/schema/run';
import { TakeOver } from '../plan/take-over';
import type { Dataset } from '../source/dataset';

/** A complete run that another one takes features from. */
export interface BaseRun {
  readonly planned: PlannedRun;
  readonly found: FoundManifest;
}

interface Options {
  readonly signal?: AbortSignal;
}

/** Plan parts read before their turn: so many answers of the store are waited for at once. */
const AHEAD = 16;

/**
 * The base that a request names, which must be complete and of the same encoder.
 * @throws ShowtellError `USAGE` (its own base), `NOT_FOUND`, `MISSING_SHARDS`, `MIXED_ENCODER`.
 */
export async function openBase(store: ObjectStore, request: RunRecord & { readonly base: string }, options?: Options): Promise<BaseRun> {
  const base = checkName('run', request.base);
  if (base === request.run) throw new ShowtellError('USAGE', `Expected another run than ${base} itself for --base`);
  const found = await newestManifest(store, base, options?.signal);
  const planned = await readPlannedRun(store, base, options);
  if (planned === undefined)
    throw new ShowtellError('CORRUPT_OBJECT', `${found.key} is there but ${keys.plan(base)} is not`, { retryable: false });
  checkEncoder(request, planned.request);
  return { planned, found };
}

/** What both runs were asked for: of int8 runs each would calibrate its own encoder, so the base's is taken. */
const encoderOf = ({ encoder, weightsSha256, preprocessing, precision, dimension }: RunRecord) =>
  canonicalJson({ encoder, weightsSha256, preprocessing, precision, dimension });

function checkEncoder(request: RunRecord, base: RunRecord): void {
  if (encoderOf(request) === encoderOf(base)) return;
  throw new ShowtellError(
    'MIXED_ENCODER',
    `Expected the encoder of the base run ${base.run}, ${encoderOf(base)}, but received ${encoderOf(request)}`,
    { hint: `Ask for the base's own: --weights ${base.weights} --precision ${base.precision}; or leave --base away.` },
  );
}

export interface TakenOver {
  readonly base: PlanBase;
  /** By split the samples that are left to plan, in the dataset's order. */
  readonly left: ReadonlyMap<string, readonly PlanRow[]>;
}

/**
 * Finds what of a dataset a base has, by reading what was planned of its shards, a few of them at a time. No shard's body is read, but
 * every one is seen to be there.
 * @throws ShowtellError `CORRUPT_SHARD` when one is not, `CORRUPT_OBJECT`.
 */
export async function takeOver(
  store: ObjectStore,
  { planned, found }: BaseRun,
  dataset: Pick<Dataset, 'splits'>,
  { signal, onShard = () => {} }: Options & { readonly onShard?: (done: number, total: number) => void } = {},
): Promise<TakenOver> {
  const { manifest, sha256 } = found;
  const owners = await readOwners(store, planned, manifest.shards, signal && { signal });
  const taken = new TakeOver(dataset.splits);
  const rowsOf = (index: number) => plannedRows(store, owners, manifest.shards[index]!, planned.name, signal && { signal });
  const ahead = new Ahead(manifest.shards.length, rowsOf);
  try {
    for (const [index, shard] of manifest.shards.entries()) {
      signal?.throwIfAborted();
      ahead.begin(AHEAD);
      const [rows = []] = await ahead.take(1);
      taken.add(shard.run ?? planned.name, shard, rows);
      onShard(index + 1, manifest.shards.length);
    }
  } finally {
    await ahead.settled();
  }
  const { shards, left } = taken.result();
  return { base: { run: planned.name, manifest: manifest.number, sha256, shards: [...shards] }, left };
}

/** The runs that encoded a manifest's shards, once every body was seen to be there: a few list requests instead of one for each shard. */
async function readOwners(
  store: ObjectStore,
  base: PlannedRun,
  shards: readonly ManifestShard[],
  options?: Options,
): Promise<ReadonlyMap<string, PlannedRun>> {
  const owners = new Map<string, PlannedRun>();
  for (const owner of new Set(shards.map(({ run = base.name }) => run))) {
    const planned = owner === base.name ? base : await readPlannedRun(store, owner, options);
    if (planned === undefined)
      throw new ShowtellError('CORRUPT_OBJECT', `Run ${base.name} has shards of ${owner} but ${keys.plan(owner)} is not in ${store.url}`, {
        retryable: false,
      });
    owners.set(owner, planned);
    const bodies = new Map<string, number>();
    for await (const { key, bytes } of store.list(keys.shards(owner), options)) bodies.set(key, bytes);
    const damaged = shards.find(({ run = base.name, key, bytes }) => run === owner && bodies.get(key) !== bytes);
    if (damaged !== undefined)
      throw new ShowtellError(
        'CORRUPT_SHARD',
        `Expected ${damaged.bytes} bytes at ${damaged.key}, which the run ${base.name} is made of, but found ${bodies.get(damaged.key) ?? 'nothing'}`,
        { hint: `Mend it first: showtell verify ${owner} --repair.` },
      );
  }
  return owners;
}

/** What was planned of the rows of a shard's body: all of its plan but what was rejected. */
async function plannedRows(
  store: ObjectStore,
  owners: ReadonlyMap<string, PlannedRun>,
  shard: ManifestShard,
  base: string,
  options?: Options,
): Promise<PlanRow[]> {
  const owner = owners.get(shard.run ?? base)!;
  const part = planShard(owner, shard.shard);
  const rows = decodePlanRows(await readPart(store, part, options), part.key);
  if (rows.length === shard.rows + (shard.dropped?.length ?? 0)) return rows;
  const record = await readCommit(store, owner.name, shard.shard, options);
  // Encoded again since that manifest: only the body itself says what is in it.
  if (record?.sha256 !== shard.sha256) return rowsOfBody(store, shard, rows, options);
  const rejected = new Set(record.rejected.map(({ imageId }) => imageId));
  return rows.filter(({ imageId }) => !rejected.has(imageId));
}

async function rowsOfBody(store: ObjectStore, shard: ManifestShard, rows: readonly PlanRow[], options?: Options): Promise<PlanRow[]> {
  const { key, bytes, sha256 } = shard;
  const { imageIds } = decodeFeatureRows(await readPart(store, { key, bytes, sha256 }, options), key);
  const there = new Set(imageIds);
  return rows.filter(({ imageId }) => there.has(imageId));
}
