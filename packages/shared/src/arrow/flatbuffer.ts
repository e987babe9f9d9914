/**
 * What a table of a flatbuffer has at each place of its list of fields: bytes of a number; text; another table, or many; many structs or
 * numbers of so many bytes each; or a table whose kind is the number at the place before, `undefined` where that kind is not known.
 */
export type Slot =
  | number
  | 'text'
  | { readonly table: () => Table }
  | { readonly tables: () => Table }
  | { readonly structs: number }
  | { readonly kinds: Readonly<Record<number, Table>> };
export type Table = readonly Slot[];

const MOST_LEVELS = 16;
/** One table may be named many times: without a limit a small buffer would take for ever. */
const MOST_TABLES = 10_000;
const U16 = 2;
const U32 = 4;

/**
 * Checks that everything in a flatbuffer lies within it, as its libraries in other languages do and that of JavaScript does not: it takes
 * any number for a length.
 */
export class Flatbuffer {
  private tables = 0;

  constructor(private readonly bytes: Buffer) {}

  /** The position of the outermost table. @throws RangeError that says what lies outside */
  check(table: Table): number {
    const root = this.follow(0);
    this.checkTable(root, table, 0);
    return root;
  }

  /** Where a checked table has its field; `undefined` where it has none. */
  field(table: number, slot: number): number | undefined {
    const list = table - this.bytes.readInt32LE(table);
    const place = U32 + slot * U16;
    const offset = place < this.bytes.readUInt16LE(list) ? this.bytes.readUInt16LE(list + place) : 0;
    return offset === 0 ? undefined : table + offset;
  }

  /** Where the offset at a position leads. */
  follow(position: number): number {
    this.expectBytes(position, U32);
    return position + this.bytes.readUInt32LE(position);
  }

  private checkTable(position: number, table: Table, level: number): void {
    if (level > MOST_LEVELS || ++this.tables > MOST_TABLES) throw new RangeError('too many tables');
    this.expectBytes(position, U32);
    const list = position - this.bytes.readInt32LE(position);
    this.expectBytes(list, 2 * U16);
    const length = this.bytes.readUInt16LE(list);
    if (length < 2 * U16 || length % U16 !== 0) throw new RangeError(`a list of fields of ${length} bytes`);
    this.expectBytes(list, length);
    for (const [index, slot] of table.entries()) {
      const at = this.field(position, index);
      if (at !== undefined) this.checkSlot(at, slot, level, () => this.kindOf(position, index - 1));
    }
  }

  private checkSlot(at: number, slot: Slot, level: number, kind: () => number): void {
    if (typeof slot === 'number') return this.expectBytes(at, slot);
    const target = this.follow(at);
    if (slot === 'text') this.vector(target, 1);
    else if ('structs' in slot) this.vector(target, slot.structs);
    else if ('table' in slot) this.checkTable(target, slot.table(), level + 1);
    else if ('tables' in slot) {
      const count = this.vector(target, U32);
      for (let index = 0; index < count; index++) this.checkTable(this.follow(target + U32 * (1 + index)), slot.tables(), level + 1);
    } else {
      const table = slot.kinds[kind()];
      if (table === undefined) throw new RangeError(`a table of kind ${kind()}`);
      this.checkTable(target, table, level + 1);
    }
  }

  private kindOf(table: number, slot: number): number {
    const at = this.field(table, slot);
    return at === undefined ? 0 : this.bytes.readUInt8(at);
  }

  /** How many there are of so many bytes each. */
  private vector(position: number, each: number): number {
    this.expectBytes(position, U32);
    const count = this.bytes.readUInt32LE(position);
    this.expectBytes(position + U32, count * each);
    return count;
  }

  private expectBytes(position: number, length: number): void {
    if (position < 0 || position + length > this.bytes.length)
      throw new RangeError(`${length} bytes at ${position} of a flatbuffer of ${this.bytes.length}`);
  }
}
