import { decodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { decodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { readPart } from '@showtell/shared/commit';
import { keys, shardOfKey } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readCommit, readPlannedRun } from '@showtell/shared/planned-run';
import { readShard } from '@showtell/shared/read-shard';
import { MANIFEST_FORMAT, ManifestRecord } from '@showtell/shared/schema/manifest';
import { parseRecord } from '@showtell/shared/schema/record';

export interface Checked {
  /** Features by image id, of the whole run, those taken over included. */
  readonly features: ReadonlyMap<string, Float32Array>;
  /** Rejection codes by image id. */
  readonly rejected: ReadonlyMap<string, string>;
  /** sha256 of each shard, in order. */
  readonly shardSha256s: readonly string[];
  readonly manifests: number;
}

/**
 * What must hold of a complete run, whatever happened on the way: each planned sample is in exactly one committed row or one
 * rejection with a reason; each planned shard has one commit record whose body has the length and sha256 it names; nothing
 * unplanned is committed; and the newest manifest says the same.
 */
export async function checkInvariants(store: ObjectStore, name: string): Promise<Checked> {
  const run = (await readPlannedRun(store, name))!;
  const features = new Map<string, Float32Array>();
  const rejected = new Map<string, string>();
  const planned = new Set<string>();
  const shardSha256s: string[] = [];
  for (const part of run.plan.shards) {
    const rows = decodePlanRows(await readPart(store, part), part.key);
    const ids = rows.map(({ imageId }) => imageId);
    const commit = await readCommit(store, name, part.shard);
    if (commit === undefined) throw new Error(`Shard ${part.shard} has no commit record`);
    // Also checks bytes and sha256.
    const body = decodeFeatureRows(await readPart(store, commit), commit.key);
    const kept = new Set(body.imageIds);
    const refused = new Set(commit.rejected.map(({ imageId }) => imageId));
    expect(commit).toMatchObject({
      run: name,
      shard: part.shard,
      split: part.split,
      encoder: run.plan.encoder,
      planSha256: run.planSha256,
    });
    expect(commit.rows).toBe(body.imageIds.length);
    expect(body.dimension).toBe(run.plan.encoder.dimension);
    expect(body.imageIds).toEqual(ids.filter((id) => kept.has(id)));
    expect(commit.rejected.map(({ imageId }) => imageId)).toEqual(ids.filter((id) => refused.has(id)));
    expect(kept.size + refused.size).toBe(rows.length);
    for (const id of ids) {
      expect(planned.has(id)).toBe(false);
      planned.add(id);
      expect([kept.has(id), refused.has(id)].filter(Boolean)).toHaveLength(1);
    }
    for (const { reason, imageId, code } of commit.rejected) {
      expect(reason).not.toBe('');
      rejected.set(imageId, code);
    }
    body.imageIds.forEach((id, row) => features.set(id, body.features.subarray(row * body.dimension, (row + 1) * body.dimension)));
    shardSha256s.push(commit.sha256);
  }
  expect(features.size + rejected.size).toBe(planned.size);
  const taken = run.plan.base?.shards ?? [];
  for (const shard of taken) {
    const { imageIds, features: rows, dimension } = await readShard(store, shard, run.plan.encoder.dimension);
    for (const [row, id] of imageIds.entries()) {
      expect(planned.has(id)).toBe(false);
      planned.add(id);
      features.set(id, rows.subarray(row * dimension, (row + 1) * dimension));
    }
  }
  expect(planned.size).toBe(run.plan.splits.reduce((sum, { samples }) => sum + samples, 0));

  const records: number[] = [];
  for await (const { key } of store.list(keys.commits(name))) records.push(shardOfKey(key));
  expect(records).toEqual(run.plan.shards.map(({ shard }) => shard));

  const numbers: number[] = [];
  for await (const { key } of store.list(keys.manifests(name))) numbers.push(Number(/(\d+)\.json$/.exec(key)![1]));
  const newest = keys.manifest(name, Math.max(...numbers));
  const manifest = parseRecord(ManifestRecord, MANIFEST_FORMAT, (await store.get(newest))!.body, newest);
  expect(manifest.shards.slice(0, taken.length)).toEqual(taken);
  expect(manifest.shards.slice(taken.length).map(({ sha256 }) => sha256)).toEqual(shardSha256s);
  expect(manifest.shards.reduce((sum, { rows }) => sum + rows, 0)).toBe(features.size);
  for (const { split, rows, rejected: refused } of manifest.splits)
    expect(rows + refused).toBe(run.plan.splits.find((entry) => entry.split === split)!.samples);
  expect(Object.values(manifest.rejected).reduce((sum, count) => sum + count, 0)).toBe(rejected.size);
  return { features, rejected, shardSha256s, manifests: numbers.length };
}
