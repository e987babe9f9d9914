/** Where the features of shards come from, by the shard's number from 0. */
export interface FeatureSource {
  /** Bytes of each shard's features. */
  readonly bytes: readonly number[];
  /** All features of one shard, row-major. */
  read(shard: number): Promise<Float32Array>;
}

interface Entry {
  readonly features: Promise<Float32Array>;
  readonly bytes: number;
}

/** Shards read in the background at once. */
const AHEAD = 2;

/**
 * Features of shards, read when they are wanted and kept as long as `limit` bytes allow; what was not wanted for longest goes first.
 * Whoever reads a shard that does not fit, or several at once, holds them beside the limit while he does.
 */
export class FeatureCache {
  /** Oldest use first. */
  readonly #entries = new Map<number, Entry>();
  #bytes = 0;
  #background: Promise<void> = Promise.resolve();
  #wanted = 0;

  constructor(
    private readonly source: FeatureSource,
    readonly limit: number,
  ) {}

  /** Bytes kept, and being read to be kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The features of a shard. Errors as of `source.read`; a shard that failed is read again when it is wanted again. */
  get(shard: number): Promise<Float32Array> {
    const found = this.#entries.get(shard);
    if (found) {
      this.#entries.delete(shard);
      this.#entries.set(shard, found);
      return found.features;
    }
    this.#makeRoom(this.source.bytes[shard]!, () => true);
    return this.#add(shard, this.source.read(shard));
  }

  /** Keeps features that were read already if there is room for them; nothing has to go for them. */
  offer(shard: number, features: Float32Array): void {
    if (this.#entries.has(shard) || this.#bytes + this.source.bytes[shard]! > this.limit) return;
    void this.#add(shard, Promise.resolve(features));
  }

  /**
   * Reads shards in the background, in order, as far as there is room for them beside those in use; whatever was asked for before and has not
   * begun is forgotten. A failure is told when the shard is wanted.
   */
  readAhead(shards: readonly number[], inUse: ReadonlySet<number>): void {
    const call = ++this.#wanted;
    const spared = new Set([...inUse, ...shards]);
    const missing = shards.filter((shard) => !this.#entries.has(shard)).values();
    const readNext = async () => {
      for (const shard of missing) {
        if (call !== this.#wanted || !this.#makeRoom(this.source.bytes[shard]!, (other) => !spared.has(other))) return;
        if (!this.#entries.has(shard)) await this.#add(shard, this.source.read(shard)).catch(() => {});
      }
    };
    const before = this.#background;
    const readAll = async () => {
      await Promise.all([before, ...Array.from({ length: AHEAD }, readNext)]);
    };
    this.#background = readAll();
  }

  /** Ends what goes on in the background. */
  async close(): Promise<void> {
    this.#wanted += 1;
    await this.#background;
    this.#entries.clear();
    this.#bytes = 0;
  }

  #add(shard: number, features: Promise<Float32Array>): Promise<Float32Array> {
    const entry = { features, bytes: this.source.bytes[shard]! };
    this.#entries.set(shard, entry);
    this.#bytes += entry.bytes;
    features.catch(() => {
      if (this.#entries.get(shard) === entry) this.#drop(shard, entry);
    });
    return features;
  }

  /** Drops the oldest entries that may go until `bytes` more fit; tells whether they do. */
  #makeRoom(bytes: number, mayGo: (shard: number) => boolean): boolean {
    for (const [shard, entry] of this.#entries) {
      if (this.#bytes + bytes <= this.limit) break;
      if (mayGo(shard)) this.#drop(shard, entry);
    }
    return this.#bytes + bytes <= this.limit;
  }

  #drop(shard: number, entry: Entry): void {
    this.#entries.delete(shard);
    this.#bytes -= entry.bytes;
  }
}
