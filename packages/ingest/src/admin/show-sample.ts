import { decodeCaptionColumns } from '@showtell/shared/arrow/caption-rows';
import { readPart } from '@showtell/shared/commit';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { findPlannedRun, type PlannedRun, planShard, readCommit } from '@showtell/shared/planned-run';
import { readShard } from '@showtell/shared/read-shard';
import type { ManifestShard } from '@showtell/shared/schema/manifest';
import type { PlanRow } from '@showtell/shared/schema/plan';
import type { SourceAddress } from '@showtell/shared/schema/run';
import type { CommitRecord, Rejection } from '@showtell/shared/schema/shard';
import { findByFileName, findById, type PlannedSample, readPlanRows, type SearchedShard } from '../plan/find-sample';

/** One sample with all that is known of it. */
export interface SampleReport {
  readonly run: string;
  readonly split: string;
  /** As it was planned: file name, source key, etag, bytes, … */
  readonly planned: PlanRow;
  readonly source: SourceAddress;
  readonly captions: readonly string[];
  /** `waiting`: its shard is not committed. */
  readonly state: 'committed' | 'rejected' | 'waiting';
  /** Why there is no feature. */
  readonly rejection: Rejection | undefined;
  /** The run that encodes it: another one where this run took it over from its base. */
  readonly encodedBy: string;
  readonly shard: number;
  /** Of its shard's body, where that is committed. */
  readonly shardKey: string | undefined;
  /** What made that body; nothing where it was taken over and its own run has encoded the shard again since. */
  readonly commit: CommitRecord | undefined;
  /** Row of the shard's body. */
  readonly row: number | undefined;
  readonly feature: Float32Array | undefined;
}

export interface ShowSampleOptions {
  readonly run: string;
  /** Image id, or else file name. */
  readonly image: string;
  readonly signal?: AbortSignal;
  /** Told while a file name is looked for, which takes a while: parts of the plan read. */
  readonly onProgress?: (done: number, total: number) => void;
}

const LISTED = 10;

/** A shard with the run in whose plan it stands. */
interface OwnedShard extends SearchedShard {
  readonly owner: PlannedRun;
  /** Of a shard that was taken over: as it was then. That is what the run has, whatever becomes of it in its owner. */
  readonly taken?: ManifestShard;
}

/**
 * What became of one sample of a run.
 * @throws ShowtellError `NOT_FOUND` when there is no such run or image, `USAGE` when several images have that file name,
 * `MISSING_SHARDS` when the run has no plan yet, `CORRUPT_SHARD`, `CORRUPT_OBJECT`; the store's errors.
 */
export async function showSample(store: ObjectStore, { run, image, ...options }: ShowSampleOptions): Promise<SampleReport> {
  const { signal } = options;
  const planned = await findPlannedRun(store, run, signal && { signal });
  const plans = await shardsOfRun(store, planned, signal);
  const { shard, row } =
    (await firstOf(plans, async (shards) => {
      const found = await findById(store, shards, image, signal);
      return found && (await isHeld(store, found, signal)) ? found : undefined;
    })) ?? (await findNamed(store, run, plans.flat(), image, options));
  const { owner, split, taken } = shard;
  const { imageId } = row;
  const record = await readCommit(store, owner.name, shard.shard, signal && { signal });
  const commit = taken === undefined || record?.sha256 === taken.sha256 ? record : undefined;
  const rejection = commit?.rejected.find((one) => one.imageId === imageId);
  const body = taken === undefined ? commit && { ...commit, rejected: commit.rejected.length } : withDropped(taken);
  const encoded = body && !rejection ? await readFeature(store, body, planned, imageId, signal) : undefined;
  return {
    run,
    split,
    planned: row,
    source: owner.request.source,
    captions: await captionsOf(store, planned, split, imageId, signal),
    state: encoded ? 'committed' : rejection ? 'rejected' : 'waiting',
    rejection,
    encodedBy: owner.name,
    shard: shard.shard,
    shardKey: body?.key,
    commit,
    row: encoded?.row,
    feature: encoded?.feature,
  };
}

/** All rows of its body, also those that were not taken over. */
const withDropped = ({ dropped = [], ...shard }: ManifestShard): ManifestShard => ({ ...shard, rows: shard.rows + dropped.length });

/** Whether a sample of a plan is the run's. What a base has rejected is in its plan and in no body: it was not taken over. */
async function isHeld(store: ObjectStore, { shard, row }: PlannedSample<OwnedShard>, signal?: AbortSignal): Promise<boolean> {
  if (shard.taken === undefined) return true;
  const { imageIds } = await readShard(store, shard.taken, shard.owner.plan.encoder.dimension, signal);
  return imageIds.includes(row.imageId);
}

/** Every shard that holds samples of the run, by plan: its own one first, then those of which it took shards over. */
async function shardsOfRun(store: ObjectStore, planned: PlannedRun, signal?: AbortSignal): Promise<OwnedShard[][]> {
  const plans = [planned.plan.shards.map((shard): OwnedShard => ({ ...shard, owner: planned }))];
  const { base } = planned.plan;
  const taken = base?.shards.map((shard) => ({ ...shard, run: shard.run ?? base.run })) ?? [];
  for (const name of new Set(taken.map(({ run }) => run))) {
    const owner = await findPlannedRun(store, name, signal && { signal });
    plans.push(
      taken
        .filter(({ run }) => run === name)
        .map((own): OwnedShard => ({ ...planShard(owner, own.shard), split: own.split, dropped: own.dropped, owner, taken: own })),
    );
  }
  return plans;
}

async function firstOf<T, U>(items: readonly T[], find: (item: T) => Promise<U | undefined>): Promise<U | undefined> {
  for (const item of items) {
    const found = await find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findNamed(
  store: ObjectStore,
  run: string,
  shards: readonly OwnedShard[],
  fileName: string,
  { signal, onProgress = () => {} }: Partial<Pick<ShowSampleOptions, 'signal' | 'onProgress'>>,
): Promise<PlannedSample<OwnedShard>> {
  let done = 0;
  const found: PlannedSample<OwnedShard>[] = [];
  for (const sample of await findByFileName(store, shards, fileName, { signal, onPart: () => onProgress(++done, shards.length) }))
    if (await isHeld(store, sample, signal)) found.push(sample);
  if (found.length > 1)
    throw new ShowtellError(
      'USAGE',
      `${found.length} images of run ${run} have the file name ${fileName}: ${found
        .slice(0, LISTED)
        .map(({ row, shard }) => `${row.imageId} (${shard.split})`)
        .join(', ')}${found.length > LISTED ? ', …' : ''}`,
      { hint: 'Name one of them by its image id.' },
    );
  return found[0] ?? (await absent(store, run, shards, fileName, signal));
}

async function absent(store: ObjectStore, run: string, shards: readonly OwnedShard[], image: string, signal?: AbortSignal): Promise<never> {
  const first = shards[0] && (await readPlanRows(store, shards[0], signal))[0];
  throw new ShowtellError('NOT_FOUND', `Run ${run} has no image with the id or file name ${JSON.stringify(image)}`, {
    hint:
      first === undefined
        ? 'It has no image at all.'
        : `Its first one has the id ${first.imageId} and the file name ${first.fileName}, in split ${shards[0]!.split}.`,
  });
}

async function readFeature(
  store: ObjectStore,
  body: ManifestShard,
  { plan }: PlannedRun,
  imageId: string,
  signal?: AbortSignal,
): Promise<{ row: number; feature: Float32Array }> {
  const { dimension } = plan.encoder;
  const table = await readShard(store, body, dimension, signal);
  const row = table.imageIds.indexOf(imageId);
  if (row < 0)
    throw new ShowtellError(
      'CORRUPT_SHARD',
      `Expected image ${imageId} in ${body.key}, or rejected by its commit record, but it is neither`,
    );
  return { row, feature: table.features.slice(row * dimension, (row + 1) * dimension) };
}

async function captionsOf(store: ObjectStore, { plan }: PlannedRun, split: string, image: string, signal?: AbortSignal): Promise<string[]> {
  const captions: string[] = [];
  for (const { key, bytes, sha256 } of plan.captions.filter((part) => part.split === split)) {
    const { rows, imageId, caption } = decodeCaptionColumns(await readPart(store, { key, bytes, sha256 }, signal && { signal }), key);
    for (let row = 0; row < rows; row++) if (imageId(row) === image) captions.push(caption(row));
  }
  return captions;
}
