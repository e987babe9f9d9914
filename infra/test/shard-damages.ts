import { decodeFeatureRows, encodeFeatureRows } from '@showtell/shared/arrow/feature-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { readCommit } from '@showtell/shared/planned-run';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { CommitRecord, FeatureRow } from '@showtell/shared/schema/shard';
import type { VoidReason } from '@showtell/shared/schema/void';

export interface ShardDamage {
  readonly name: string;
  /** What a verification says of it, the first first. */
  readonly found: readonly VoidReason[];
  readonly damage: (store: ObjectStore, run: string, shard: number) => Promise<void>;
}

/** What can become of a shard in a store. Each leaves the others as they are. */
export const SHARD_DAMAGES: readonly ShardDamage[] = [
  {
    name: 'body deleted',
    found: ['missing'],
    damage: async (store, run, shard) => store.delete((await recordOf(store, run, shard)).key),
  },
  {
    name: 'body truncated',
    found: ['corrupt'],
    damage: (...where) => rewriteBody(...where, (body) => body.subarray(0, body.length - 100)),
  },
  {
    name: 'one bit flipped',
    found: ['corrupt'],
    damage: (...where) =>
      rewriteBody(...where, (body) => {
        body[Math.floor(body.length / 2)]! ^= 1;
        return body;
      }),
  },
  { name: 'commit record lost', found: ['missing'], damage: (store, run, shard) => store.delete(keys.commit(run, shard)) },
  {
    name: 'commit record of garbage',
    found: ['corrupt'],
    damage: async (store, run, shard) => void (await store.put(keys.commit(run, shard), Buffer.from([0x7b, 0, 0xff, 0x0a]))),
  },
  {
    name: 'commit record of another shard',
    found: ['foreign'],
    damage: async (store, run, shard) => {
      const record = await recordOf(store, run, shard);
      await store.put(keys.commit(run, shard), encodeRecord({ ...record, shard: record.shard + 1 }));
    },
  },
  { name: 'a row twice', found: ['duplicate'], damage: (...where) => rewriteRows(...where, (rows) => [rows[0]!, ...rows]) },
  {
    name: 'a row in the place of another',
    found: ['missing', 'duplicate'],
    damage: (...where) => rewriteRows(...where, ([first, , ...rest]) => [first!, first!, ...rest]),
  },
  {
    name: 'an unplanned row',
    found: ['unplanned'],
    damage: (...where) => rewriteRows(...where, (rows) => [...rows, { ...rows[0]!, imageId: 'stranger' }]),
  },
  {
    name: 'a feature that is no number',
    found: ['corrupt'],
    damage: (...where) =>
      rewriteRows(...where, ([first, ...rest]) => [{ ...first!, feature: first!.feature.map(() => Number.NaN) }, ...rest]),
  },
];

async function recordOf(store: ObjectStore, run: string, shard: number): Promise<CommitRecord> {
  return (await readCommit(store, run, shard))!;
}

/** Under the same key: the store's own damage. */
async function rewriteBody(store: ObjectStore, run: string, shard: number, change: (body: Buffer) => Buffer): Promise<void> {
  const { key } = await recordOf(store, run, shard);
  await store.put(key, change(Buffer.from((await store.get(key))!.body)));
}

/** With a record that fits it: the damage of a program that was wrong. */
async function rewriteRows(
  store: ObjectStore,
  run: string,
  shard: number,
  change: (rows: readonly FeatureRow[]) => FeatureRow[],
): Promise<void> {
  const record = await recordOf(store, run, shard);
  const table = decodeFeatureRows((await store.get(record.key))!.body, record.key);
  const { dimension } = table;
  const rows = table.imageIds.map((imageId, row) => ({
    imageId,
    fileName: table.fileNames[row]!,
    feature: table.features.subarray(row * dimension, (row + 1) * dimension),
  }));
  const changed = change(rows);
  const body = encodeFeatureRows(changed, dimension);
  const key = keys.shard(run, shard, sha256(body));
  await store.put(key, body);
  await store.put(
    keys.commit(run, shard),
    encodeRecord({ ...record, key, bytes: body.length, sha256: sha256(body), rows: changed.length }),
  );
}
