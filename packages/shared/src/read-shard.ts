import { Ahead } from './ahead';
import { decodeFeatureRows, type FeatureTable } from './arrow/feature-rows';
import { readPart } from './commit';
import { isShowtellError, ShowtellError } from './errors';
import type { ObjectStore } from './object-store/object-store';
import { readCommit } from './planned-run';
import type { ManifestRecord, ManifestShard } from './schema/manifest';

/** Shards read before their turn: so many answers of the store are waited for at once. */
const AHEAD = 4;

/** The shards of a split in manifest order. Errors as of `checkSplit`. */
export function shardsOf(manifest: ManifestRecord, split: string): ManifestShard[] {
  checkSplit(manifest, split);
  return manifest.shards.filter((shard) => shard.split === split);
}

/** Reads shards one after the other, the next ones begun before they are asked for. Errors as of `readShard`. */
export async function* readShards(
  store: ObjectStore,
  shards: readonly ManifestShard[],
  dimension: number,
  signal?: AbortSignal,
): AsyncGenerator<FeatureTable> {
  const ahead = new Ahead(shards.length, (index) => readShard(store, shards[index]!, dimension, signal));
  try {
    for (const _ of shards) {
      ahead.begin(AHEAD);
      yield* await ahead.take(1);
    }
  } finally {
    await ahead.settled();
  }
}

/** Throws `NOT_FOUND`, listing the splits there are. */
export function checkSplit(manifest: ManifestRecord, split: string): void {
  const splits = manifest.splits.map((entry) => entry.split);
  if (splits.includes(split)) return;
  throw new ShowtellError(
    'NOT_FOUND',
    `Run ${manifest.run} has no split ${JSON.stringify(split)}; there ${splits.length === 1 ? 'is' : 'are'}: ${splits.join(', ')}`,
  );
}

/**
 * The rows of a manifest's shard that belong to its run, in the body's order; checked against its sha256 before it is parsed.
 * @throws ShowtellError `CORRUPT_SHARD` naming the key, the store's errors.
 */
export async function readShard(store: ObjectStore, shard: ManifestShard, dimension: number, signal?: AbortSignal): Promise<FeatureTable> {
  const { key, bytes, sha256, rows, dropped = [] } = shard;
  try {
    const body = decodeFeatureRows(await readPart(store, { key, bytes, sha256 }, signal && { signal }), key);
    const table = withoutRows(body, dropped);
    if (table.dimension !== dimension || table.imageIds.length !== rows || body.imageIds.length !== rows + dropped.length)
      throw new ShowtellError(
        'CORRUPT_SHARD',
        `Expected ${rows} features of ${dimension} in ${key}${dropped.length > 0 ? `, beside ${dropped.length} of other runs,` : ''} but received ${table.imageIds.length} of ${table.dimension}`,
      );
    return table;
  } catch (error) {
    if (!isShowtellError(error, 'CORRUPT_OBJECT')) throw error;
    throw await damagedShard(store, shard, error, signal);
  }
}

/**
 * What to say of a shard that is no longer as its manifest names it: whether it was encoded again since, with another outcome. Then
 * whoever froze the manifest cannot go on; a repair that gives the same bytes lets him.
 */
async function damagedShard(store: ObjectStore, shard: ManifestShard, cause: ShowtellError, signal?: AbortSignal): Promise<ShowtellError> {
  // Of a shard that was taken over, the run that encoded it.
  const run = /^runs\/([^/]+)\//.exec(shard.key)?.[1] ?? '';
  const record = await readCommit(store, run, shard.shard, signal && { signal }).catch((error: unknown) => {
    // The record may be damaged as well.
    if (isShowtellError(error, 'CORRUPT_OBJECT') || isShowtellError(error, 'FORMAT_VERSION')) return undefined;
    throw error;
  });
  if (record === undefined || record.sha256 === shard.sha256)
    return new ShowtellError('CORRUPT_SHARD', `Shard ${shard.shard} is not the one that was committed: ${cause.message}`, {
      cause,
      hint: `showtell verify ${run} --repair encodes it again; where the same bytes come out, what stopped here goes on. Or bring the object back from a copy of the store.`,
    });
  return new ShowtellError(
    'CORRUPT_SHARD',
    `Shard ${shard.shard} of the run ${run} was encoded again since its manifest was frozen here, with other bytes (sha256 ${record.sha256}), and the body of before is damaged: ${cause.message}`,
    {
      cause,
      hint: `Begin anew with the newest manifest of ${run} (a training: under another --name), or bring the object back from a copy of the store.`,
    },
  );
}

/** The table less the rows of some image ids. */
function withoutRows(table: FeatureTable, dropped: readonly string[]): FeatureTable {
  if (dropped.length === 0) return table;
  const { imageIds, fileNames, features, dimension } = table;
  const gone = new Set(dropped);
  const rows = [...imageIds.keys()].filter((row) => !gone.has(imageIds[row]!));
  const kept = new Float32Array(rows.length * dimension);
  for (const [place, row] of rows.entries()) kept.set(features.subarray(row * dimension, (row + 1) * dimension), place * dimension);
  return { imageIds: rows.map((row) => imageIds[row]!), fileNames: rows.map((row) => fileNames[row]!), features: kept, dimension };
}
