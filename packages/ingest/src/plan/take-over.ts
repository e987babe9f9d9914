import type { ManifestShard } from '@showtell/shared/schema/manifest';
import type { PlanRow } from '@showtell/shared/schema/plan';
import type { DatasetSplit } from '../source/dataset';

/** What of a dataset another run has encoded already, and what is left to plan. Pure; shards are given one after the other. */
export class TakeOver {
  /** Samples that no shard has had so far: split → image id → row. */
  readonly #left: ReadonlyMap<string, Map<string, PlanRow>>;
  readonly #shards: ManifestShard[] = [];

  constructor(splits: readonly Pick<DatasetSplit, 'split' | 'samples'>[]) {
    this.#left = new Map(splits.map(({ split, samples }) => [split, new Map(samples.map((row) => [row.imageId, row]))]));
  }

  /**
   * @param shard as the manifest of `run` lists it.
   * @param rows what was planned of each row of the shard's body, in the body's order.
   */
  add(run: string, { dropped, ...shard }: ManifestShard, rows: readonly PlanRow[]): void {
    const left = this.#left.get(shard.split);
    const foreign = new Set(dropped);
    // Whoever took it over takes the row out, so that no sample is taken twice.
    const isTaken = (row: PlanRow) => !foreign.has(row.imageId) && isSamePhoto(left?.get(row.imageId), row) && left!.delete(row.imageId);
    const gone = rows.filter((row) => !isTaken(row)).map(({ imageId }) => imageId);
    const taken = rows.length - gone.length;
    // What the base rejected is planned again, and counts there.
    if (taken > 0) this.#shards.push({ run, ...shard, rows: taken, rejected: 0, ...(gone.length > 0 && { dropped: gone }) });
  }

  /** Shards that hold samples of the dataset, and by split the samples that none has, in the dataset's order. */
  result(): { readonly shards: readonly ManifestShard[]; readonly left: ReadonlyMap<string, readonly PlanRow[]> } {
    return { shards: this.#shards, left: new Map([...this.#left].map(([split, rows]) => [split, [...rows.values()]])) };
  }
}

/** Whether two rows of one image id lead to the same row of a shard: nothing else that is planned of a photo can change that. */
function isSamePhoto(now: PlanRow | undefined, then: PlanRow): boolean {
  if (now === undefined || now.fileName !== then.fileName || now.bytes !== then.bytes) return false;
  // The archive's own etag changes with every other photo in it.
  if (now.zip !== undefined || then.zip !== undefined) return now.zip?.crc32 === then.zip?.crc32;
  // Pictures that are drawn have no etag: their key says all of them.
  return now.etag === then.etag && (now.etag !== '' || now.sourceKey === then.sourceKey);
}
