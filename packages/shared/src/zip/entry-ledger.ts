import { hash } from 'node:crypto';

/**
 * Remembers where the entries of an archive lie and what they are called, 24 bytes for each, and finds those that share bytes or names.
 */
export class EntryLedger {
  private readonly starts: Float64Array;
  private readonly ends: Float64Array;
  /** 64 bits of a hash of every name. */
  private readonly names: BigUint64Array;
  private count = 0;

  constructor(entries: number) {
    this.starts = new Float64Array(entries);
    this.ends = new Float64Array(entries);
    this.names = new BigUint64Array(entries);
  }

  /** `end` is the first byte behind the entry. */
  add(name: string, start: number, end: number): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.names[this.count] = nameKey(name);
    this.count++;
  }

  /** The start of an entry that begins within another one; `undefined` when all lie apart. */
  overlap(): number | undefined {
    // Of entries that lie apart, each ends before the next one begins, so ends and starts are in the same order; and only of those.
    const starts = this.starts.subarray(0, this.count).sort();
    const ends = this.ends.subarray(0, this.count).sort();
    for (let place = 1; place < starts.length; place++) if (starts[place]! < ends[place - 1]!) return starts[place];
    return undefined;
  }

  /** Whether a name, of which `nameKey` is given, is there twice. */
  duplicate(): bigint | undefined {
    const names = this.names.subarray(0, this.count).sort();
    for (let place = 1; place < names.length; place++) if (names[place] === names[place - 1]) return names[place];
    return undefined;
  }
}

export function nameKey(name: string): bigint {
  return hash('sha256', name, 'buffer').readBigUInt64LE();
}
