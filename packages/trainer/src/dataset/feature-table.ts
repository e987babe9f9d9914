import { concurrently } from '@showtell/shared/concurrently';
import type { FeatureCache } from './feature-cache';

/** Shards that one batch waits for at once. */
const READS = 4;

/** The features of all images of a training, row after row, wherever they are: rows are numbered through, shard after shard. */
export class FeatureTable {
  /** [shards + 1] */
  readonly #firstRows: readonly number[];

  constructor(
    readonly dimension: number,
    shardRows: readonly number[],
    private readonly cache: FeatureCache,
  ) {
    let rows = 0;
    this.#firstRows = [0, ...shardRows.map((count) => (rows += count))];
  }

  get shards(): number {
    return this.#firstRows.length - 1;
  }

  get rows(): number {
    return this.#firstRows.at(-1)!;
  }

  rowsOf(shard: number): number {
    return this.#firstRows[shard + 1]! - this.#firstRows[shard]!;
  }

  shardOf(row: number): number {
    let low = 0;
    for (let high = this.shards; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if (this.#firstRows[middle]! <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The features of some rows, [rows.length, dimension]. @throws ShowtellError `CORRUPT_SHARD`, the store's errors. */
  async gather(rows: ArrayLike<number>): Promise<Float32Array> {
    const { dimension } = this;
    const gathered = new Float32Array(rows.length * dimension);
    const placesOf = new Map<number, number[]>();
    for (let place = 0; place < rows.length; place++) {
      const shard = this.shardOf(rows[place]!);
      const places = placesOf.get(shard);
      if (places) places.push(place);
      else placesOf.set(shard, [place]);
    }
    await concurrently(placesOf, READS, async ([shard, places]) => {
      const features = await this.cache.get(shard);
      const first = this.#firstRows[shard]!;
      for (const place of places) {
        const start = (rows[place]! - first) * dimension;
        gathered.set(features.subarray(start, start + dimension), place * dimension);
      }
    });
    return gathered;
  }

  /** See `FeatureCache.readAhead`. */
  readAhead(shards: readonly number[], inUse: readonly number[]): void {
    this.cache.readAhead(shards, new Set(inUse));
  }

  close(): Promise<void> {
    return this.cache.close();
  }
}
