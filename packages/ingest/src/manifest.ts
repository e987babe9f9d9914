import { ShowtellError } from '@showtell/shared/errors';
import { canonicalJson } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { PlannedRun } from '@showtell/shared/planned-run';
import { MANIFEST_FORMAT, ManifestRecord, type Repaired } from '@showtell/shared/schema/manifest';
import { parseRecord } from '@showtell/shared/schema/record';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import { countRejections } from './commits';

/**
 * What a complete run holds. Pure: the same plan and commits give the same record.
 * @throws ShowtellError `MISSING_SHARDS` with the list, `MIXED_ENCODER` when a commit is of another encoder or plan.
 */
export function buildManifest(
  run: PlannedRun,
  commits: ReadonlyMap<number, CommitRecord>,
  number: number,
  repaired: readonly Repaired[] = [],
): ManifestRecord {
  const { plan, planSha256, name } = run;
  const missing = plan.shards.filter(({ shard }) => !commits.has(shard)).map(({ shard }) => shard);
  if (missing.length > 0)
    throw new ShowtellError(
      'MISSING_SHARDS',
      `${missing.length} of the ${plan.shards.length} shards of the run ${name} are not committed: ${missing.slice(0, 20).join(', ')}${missing.length > 20 ? ', …' : ''}`,
    );
  const shards = plan.shards.map((planned) => {
    const commit = commits.get(planned.shard)!;
    checkCommit(run, commit);
    const { key, bytes, sha256, rows, rejected } = commit;
    return { shard: planned.shard, split: planned.split, key, bytes, sha256, rows, rejected: rejected.length };
  });
  return {
    formatVersion: MANIFEST_FORMAT,
    run: name,
    number,
    planSha256,
    encoder: plan.encoder,
    shards,
    captions: plan.captions,
    splits: plan.splits.map(({ split, captions }) => {
      const own = shards.filter((shard) => shard.split === split);
      return { split, rows: sum(own.map(({ rows }) => rows)), rejected: sum(own.map((shard) => shard.rejected)), captions };
    }),
    rejected: countRejections(plan.shards.map(({ shard }) => commits.get(shard)!)),
    ...(repaired.length > 0 && { repaired: [...repaired] }),
  };
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

/** The manifest of the greatest number, or `undefined`. */
export async function latestManifest(
  store: ObjectStore,
  run: string,
  options?: { readonly signal?: AbortSignal },
): Promise<ManifestRecord | undefined> {
  let latest = 0;
  for await (const { key } of store.list(keys.manifests(run), options))
    latest = Math.max(latest, Number(/(\d+)\.json$/.exec(key)?.[1] ?? 0));
  if (latest === 0) return undefined;
  const key = keys.manifest(run, latest);
  const found = await store.get(key, options);
  return found && parseRecord(ManifestRecord, MANIFEST_FORMAT, found.body, key);
}
