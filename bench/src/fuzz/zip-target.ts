import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { ShowtellError } from '@showtell/shared/errors';
import { sha256 } from '@showtell/shared/hash';
import type { ObjectInfo, ObjectStore, ReadOptions } from '@showtell/shared/object-store/object-store';
import { readDirectory } from '@showtell/shared/zip/directory';
import { readEntry } from '@showtell/shared/zip/read-entry';
import { streamEntry } from '@showtell/shared/zip/stream-entry';
import type { ZipEntry } from '@showtell/shared/zip/zip-entry';
import { unzipSync } from 'fflate';
import { type ZipMember, zipFile } from '../zip-writer';
import { expectThat, type FuzzTarget } from './fuzz-target';
import { interesting, place, writeNumber } from './mutate';

const KEY = 'photos.zip';
/** Of the end record, before its comment. */
const END_BYTES = 22;

/** Widths of the fields behind the signature of each kind of record. */
const RECORDS: Readonly<Record<string, readonly (1 | 2 | 4 | 8)[]>> = {
  'PK\x03\x04': [2, 2, 2, 2, 2, 4, 4, 4, 2, 2],
  'PK\x01\x02': [1, 1, 2, 2, 2, 2, 2, 4, 4, 4, 2, 2, 2, 2, 2, 4, 4],
  'PK\x05\x06': [2, 2, 2, 2, 4, 4, 2],
  'PK\x06\x06': [8, 2, 2, 4, 4, 8, 8, 8, 8],
  'PK\x06\x07': [4, 8, 4],
  'PK\x07\x08': [4, 4, 4],
};

/** Archives of photos. */
export const zipTarget: FuzzTarget = {
  async seeds() {
    const body = Buffer.from('one one one one one one two');
    const members: ZipMember[] = [
      { name: 'val2017/', mode: 0o040755 },
      { name: 'val2017/1.jpg', body },
      { name: 'val2017/é 写真.jpg', body: Buffer.from('three') },
      { name: 'val2017/empty.jpg' },
    ];
    const all = (more: Partial<ZipMember>) => members.map((member) => (member.body ? { ...member, ...more } : member));
    const extra = Buffer.concat([Buffer.from([0xfe, 0xca, 8, 0]), Buffer.alloc(8)]);
    return [
      zipFile([]),
      zipFile(members),
      zipFile(all({ method: 8 })),
      zipFile(all({ method: 8, descriptor: true }), { comment: 'PK is not always a signature' }),
      zipFile(all({ zip64: true }), { zip64: true }),
      zipFile(all({ localExtra: extra, mode: 0o100644 })),
      zipFile([{ name: Buffer.from([0x80, 0xe1, 0x2e, 0x6a]), body, gap: 40 }]),
      zipFile(
        Array.from({ length: 20 }, (_, index) => ({
          name: `${index}.jpg`,
          body: Buffer.alloc(index * 50, index),
          method: 8 * (index % 2),
        })),
      ),
    ];
  },
  words: [...Object.keys(RECORDS), '../', '/', '\\', '\0', 'C:', '\x01\x00\x10\x00', '\x75\x70'].map((text) => Buffer.from(text, 'latin1')),
  /** Changes a field of a record. */
  change(input, random) {
    const at = random.pick([...signatures(input), 0]);
    const widths = RECORDS[input.toString('latin1', at, at + 4)];
    if (widths === undefined) return input;
    const field = place(widths.length, random);
    const width = widths[field]!;
    const position = at + 4 + widths.slice(0, field).reduce((sum, each) => sum + each, 0);
    if (position + width > input.length) return input;
    const value = BigInt(input.readUIntLE(position, Math.min(width, 6)));
    writeNumber(
      input,
      position,
      width,
      random.next() < 0.5 ? value + BigInt(place(9, random) - 4) : interesting(width, input.length, random),
    );
    return input;
  },
  covers: /\/(?:shared\/dist\/zip\/|yauzl\/)/,
  mostBytes: 16 * 1_024,
  async check(input) {
    const store = new OneObject(input) as unknown as ObjectStore;
    const archive = (await store.head(KEY))!;
    const entries: ZipEntry[] = [];
    for await (const entry of readDirectory(store, archive)) entries.push(entry);
    const names = new Set(entries.map(({ entry }) => entry));
    expectThat(names.size === entries.length, () => 'two entries of one name');
    const contents: Buffer[] = [];
    for (const entry of entries) {
      expectThat(!/^\/|^[a-z]:|\\|\0|(?:^|\/)\.\.(?:\/|$)/i.test(entry.entry), () => `the name ${JSON.stringify(entry.entry)}`);
      const read = await readEntry(store, archive, entry);
      expectThat(read.length === entry.bytes && crc32(read) === entry.crc32, () => `other bytes of ${entry.entry}`);
      const streamed: Uint8Array[] = [];
      for await (const piece of await streamEntry(store, archive, entry)) streamed.push(piece as unknown as Uint8Array);
      expectThat(Buffer.concat(streamed).equals(read), () => `${entry.entry} streamed is another than read`);
      contents.push(read);
    }
    const ours = new Set(contents.map((each) => sha256(each)));
    for (const [name, bytes] of independently(input))
      expectThat(ours.has(sha256(bytes)), () => `fflate reads ${name}, which Showtell has not among ${[...names].join(', ')}`);
    return 'accepted';
  },
};

/**
 * The files that another reader finds. It goes by the number of entries on this disk, and others by that in all: here they are made alike.
 * Where it throws it has no answer.
 */
function independently(input: Buffer): [string, Uint8Array][] {
  const alike = Buffer.from(input);
  const end = [...signatures(input)].findLast(
    (at) => at + END_BYTES <= input.length && at + END_BYTES + input.readUInt16LE(at + 20) === input.length,
  );
  if (end !== undefined) alike.copy(alike, end + 8, end + 10, end + 12);
  try {
    return Object.entries(unzipSync(alike)).filter(([name]) => !name.endsWith('/'));
  } catch {
    return [];
  }
}

function* signatures(input: Buffer): Generator<number> {
  for (let at = input.indexOf('PK', 0, 'latin1'); at >= 0; at = input.indexOf('PK', at + 1, 'latin1'))
    if (RECORDS[input.toString('latin1', at, at + 4)]) yield at;
}

/** A store of one object, in memory; asked for what lies behind its end it fails as S3 does. */
class OneObject implements Pick<ObjectStore, 'url' | 'get' | 'head' | 'stream'> {
  readonly url = 'memory:';

  constructor(private readonly bytes: Buffer) {}

  async head(key: string): Promise<ObjectInfo> {
    return { key, bytes: this.bytes.length, etag: 'one', lastModified: new Date(0) };
  }

  async get(key: string, { range = { start: 0, end: this.bytes.length - 1 } }: ReadOptions = {}) {
    const length = range.end - range.start + 1;
    const body = this.bytes.subarray(range.start, range.end + 1);
    if (range.start < 0 || length < 1 || body.length !== length)
      throw new ShowtellError('CORRUPT_OBJECT', `Expected ${length} bytes at ${range.start} of ${key} but received ${body.length}`);
    return { body: Buffer.from(body), etag: 'one' };
  }

  async stream(key: string, options: ReadOptions = {}) {
    return Readable.from([(await this.get(key, options)).body], { objectMode: false });
  }
}
