import type { Redis } from 'ioredis';
import type { PreparedRow } from '../source/prepare-rows';
import { decodePixelBlock, encodePixelBlock, type PixelBlock } from './pixel-block';
import { jobIds } from './queues';

export interface PixelShard {
  readonly run: string;
  readonly shard: number;
  /** sha256 of the shard's plan part. */
  readonly planSha256: string;
}

/** Prepared pixels on their way through Redis: one binary key a micro-batch, gone by itself when the shard's lease ends. */
export class Pixels {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** `until`: when the block expires, in ms of Redis' clock (the reservation's end). `key`: by which encoders know it, see `PixelKey`. */
  async put(key: Buffer, shard: PixelShard, microBatch: number, rows: readonly PreparedRow[], until: number): Promise<void> {
    await this.#redis.set(this.#key(shard, microBatch), encodePixelBlock(key, { ...shard, microBatch }, rows), 'PXAT', until);
  }

  /**
   * The block; `undefined` when it is gone, `refused` when it is damaged, of another plan, or of somebody without the key.
   * `keyOf` is asked only when there is something.
   */
  async get(keyOf: () => Promise<Buffer | undefined>, shard: PixelShard, microBatch: number): Promise<PixelBlock | 'refused' | undefined> {
    const bytes = await this.#redis.getBuffer(this.#key(shard, microBatch));
    if (bytes === null) return undefined;
    const key = await keyOf();
    return (key && decodePixelBlock(key, { ...shard, microBatch }, bytes)) ?? 'refused';
  }

  /** Deletes all micro-batches of a shard. */
  async delete({ run, shard }: Omit<PixelShard, 'planSha256'>, microBatches: number): Promise<void> {
    if (microBatches > 0)
      // DEL, not UNLINK: the memory must be free before the room is given back.
      await this.#redis.del(...Array.from({ length: microBatches }, (_, microBatch) => this.#key({ run, shard }, microBatch)));
  }

  #key({ run, shard }: Omit<PixelShard, 'planSha256'>, microBatch: number): string {
    return `${this.#prefix}:pixels:${jobIds.shard(run, shard)}.${microBatch}`;
  }
}
