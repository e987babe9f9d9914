import { isShowtellError, ShowtellError } from '@showtell/shared/errors';
import { canonicalJson, sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { latestManifestNumber, readManifest } from '@showtell/shared/manifests';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { checkCommitKey } from '@showtell/shared/own-keys';
import type { PlannedRun } from '@showtell/shared/planned-run';
import { MANIFEST_FORMAT, type ManifestRecord, type ManifestShard, type Repaired } from '@showtell/shared/schema/manifest';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { countRejections } from './commits';
import { buildReport } from './report';
import { isPlanned, listVoids, type VoidNumber } from './voids';

/** A manifest, and the report that it names as its part. */
export interface BuiltManifest {
  readonly manifest: ManifestRecord;
  readonly report: { readonly key: string; readonly body: Buffer };
}

/**
 * What a complete run holds. Pure: the same plan and commits give the same records.
 * @throws ShowtellError `MISSING_SHARDS` with the list, `MIXED_ENCODER` when a commit is of another encoder or plan.
 */
export function buildManifest(
  run: PlannedRun,
  commits: ReadonlyMap<number, CommitRecord>,
  number: number,
  repaired: readonly Repaired[] = [],
): BuiltManifest {
  const { plan, planSha256, name } = run;
  const missing = plan.shards.filter(({ shard }) => !commits.has(shard)).map(({ shard }) => shard);
  if (missing.length > 0)
    throw new ShowtellError(
      'MISSING_SHARDS',
      `${missing.length} of the ${plan.shards.length} shards of the run ${name} are not committed: ${missing.slice(0, 20).join(', ')}${missing.length > 20 ? ', …' : ''}`,
    );
  const own = plan.shards.map((planned): ManifestShard => {
    const commit = commits.get(planned.shard)!;
    checkCommit(run, commit);
    checkCommitKey(commit, name, planned.shard);
    const { key, bytes, rows, rejected } = commit;
    return { shard: planned.shard, split: planned.split, key, bytes, sha256: commit.sha256, rows, rejected: rejected.length };
  });
  const shards = [...(plan.base?.shards ?? []), ...own];
  const body = encodeRecord(buildReport(run, commits, number));
  const reportSha256 = sha256(body);
  const report = { key: keys.report(name, number, reportSha256), bytes: body.length, sha256: reportSha256 };
  const manifest: ManifestRecord = {
    formatVersion: MANIFEST_FORMAT,
    run: name,
    number,
    planSha256,
    encoder: plan.encoder,
    shards,
    captions: plan.captions,
    splits: plan.splits.map(({ split, captions }) => {
      const ofSplit = shards.filter((shard) => shard.split === split);
      return { split, rows: sum(ofSplit.map(({ rows }) => rows)), rejected: sum(ofSplit.map((shard) => shard.rejected)), captions };
    }),
    rejected: countRejections(plan.shards.map(({ shard }) => commits.get(shard)!)),
    report,
    ...(repaired.length > 0 && { repaired: [...repaired] }),
  };
  return { manifest, report: { key: report.key, body } };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** Features of two encoders must never stand beside each other. */
function checkCommit({ plan, planSha256, name }: PlannedRun, commit: CommitRecord): void {
  if (canonicalJson(commit.encoder) !== canonicalJson(plan.encoder))
    throw new ShowtellError(
      'MIXED_ENCODER',
      `Shard ${commit.shard} of the run ${name} was expected from ${canonicalJson(plan.encoder)} but its commit record names ${canonicalJson(commit.encoder)}`,
    );
  if (commit.planSha256 !== planSha256)
    throw new ShowtellError(
      'MIXED_ENCODER',
      `Shard ${commit.shard} of the run ${name} was expected for plan ${planSha256} but its commit record names plan ${commit.planSha256}`,
    );
}

/** The newest manifest: its number, 0 while there is none, and what it says where it is not damaged. */
export interface NewestManifest {
  readonly number: number;
  readonly manifest: ManifestRecord | undefined;
}

/** A damaged one keeps nobody from going on: the next one says what is. */
export async function newestManifest(
  store: ObjectStore,
  run: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<NewestManifest> {
  const number = await latestManifestNumber(store, run, signal);
  try {
    return {
      number,
      manifest: number === 0 ? undefined : (await readManifest(store, keys.manifest(run, number), undefined, signal)).manifest,
    };
  } catch (error) {
    if (isShowtellError(error, 'CORRUPT_OBJECT')) return { number, manifest: undefined };
    throw error;
  }
}

/** Whether a manifest tells of every shard that was taken away until now; else the next one is due as soon as all are there again. */
export function tellsOf(manifest: ManifestRecord, run: PlannedRun, voids: readonly Pick<VoidNumber, 'shard'>[]): boolean {
  return (manifest.repaired?.length ?? 0) === voids.filter((entry) => isPlanned(run, entry)).length;
}

/** The newest manifest of a planned run, and whether it tells of every shard that was taken away until now. */
export async function newestTold(
  store: ObjectStore,
  run: PlannedRun,
  options?: { readonly signal?: AbortSignal },
): Promise<NewestManifest & { readonly told: boolean }> {
  const newest = await newestManifest(store, run.name, options);
  const { manifest } = newest;
  return { ...newest, told: manifest !== undefined && tellsOf(manifest, run, await listVoids(store, run.name, options)) };
}
