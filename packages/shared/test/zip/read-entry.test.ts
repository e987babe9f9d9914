import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeZipFile, type ZipMember } from '../../../../bench/src/zip-writer';
import { type ErrorCode, REJECTION_CODES } from '../../src/errors';
import { MAX_FILE_BYTES } from '../../src/image/limits';
import type { ObjectStore } from '../../src/object-store/object-store';
import { openStore } from '../../src/object-store/open';
import { objectSource } from '../../src/source/object-source';
import { readDirectory } from '../../src/zip/directory';
import { readEntry } from '../../src/zip/read-entry';
import { streamEntry } from '../../src/zip/stream-entry';
import type { ZipEntry } from '../../src/zip/zip-entry';

const ARCHIVE = 'zips/val2017.zip';
const TEXT = Buffer.from('Some words, and then some more words, and more. '.repeat(100));

let folder: string;
let store: ObjectStore;
let requests: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-zip-'));
  store = openStore(pathToFileURL(folder).href);
  await store.put(ARCHIVE, Buffer.alloc(0));
  requests = 0;
  const get = store.get.bind(store);
  store.get = async (key, options) => {
    requests++;
    return get(key, options);
  };
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const archive = async () => (await store.head(ARCHIVE))!;

/** The entries of a new archive that has these. */
async function entriesOf(...members: ZipMember[]): Promise<ZipEntry[]> {
  await writeZipFile(join(folder, ARCHIVE), members);
  const entries: ZipEntry[] = [];
  for await (const entry of readDirectory(store, await archive())) entries.push(entry);
  requests = 0;
  return entries;
}

async function streamed(entry: ZipEntry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await streamEntry(store, await archive(), entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}
const failure = (work: Promise<unknown>): Promise<Failure> =>
  work.then(
    () => {
      throw new Error('Expected a failure but it went well');
    },
    (error: Failure) => error,
  );

/** How both ways of reading an entry fail. */
const failures = async (entry: ZipEntry) => Promise.all([failure(readEntry(store, await archive(), entry)), failure(streamed(entry))]);

const corrupt = (entry: string, message: RegExp) => {
  const expected = {
    code: 'CORRUPT_ZIP',
    message: expect.stringMatching(new RegExp(`^Entry "${entry}" of zip archive ${ARCHIVE}: .*${message.source}`)),
  };
  return [expected, expected].map((one) => expect.objectContaining(one));
};

const extra = (bytes: number) => Buffer.concat([Buffer.from([0xfe, 0xca, bytes & 0xff, bytes >> 8]), Buffer.alloc(bytes)]);

test.each<[string, Partial<ZipMember>, number]>([
  ['stored', {}, 1],
  ['deflated', { method: 8 }, 1],
  ['with sizes behind the bytes', { method: 8, descriptor: true }, 1],
  ['with 64-bit sizes', { zip64: true }, 1],
  ['with the extra fields of Info-ZIP', { localExtra: extra(28) }, 1],
  ['with long extra fields', { localExtra: extra(4000) }, 2],
  ['with a long name that is not ASCII', { name: `写真/${'写'.repeat(100)}.jpg` }, 2],
])('an entry %s is read whole, and as a stream', async (_name, member, expected) => {
  const [entry] = await entriesOf({ name: 'val2017/1.jpg', body: TEXT, ...member });
  expect(await readEntry(store, await archive(), entry!)).toEqual(TEXT);
  expect(requests).toBe(expected);
  expect(await streamed(entry!)).toEqual(TEXT);
});

test('an empty entry has no bytes', async () => {
  for (const method of [0, 8]) {
    const [entry] = await entriesOf({ name: 'empty', method });
    expect(await readEntry(store, await archive(), entry!)).toHaveLength(0);
    expect(await streamed(entry!)).toHaveLength(0);
  }
});

describe('one damaged entry', () => {
  const members = (second: Partial<ZipMember>): ZipMember[] => [
    { name: 'a', body: TEXT },
    { name: 'b', body: TEXT, ...second },
    { name: 'c', body: TEXT },
  ];

  test.each<[string, Partial<ZipMember>, RegExp]>([
    ['another name', { localSays: { name: 'x' } }, /name b in its local header but received x/],
    ['another method', { localSays: { method: 8 } }, /method 0 .* received 8/],
    ['another checksum', { localSays: { crc32: 1 } }, /crc32 .* received 1/],
    ['another size', { localSays: { bytes: 7 } }, /bytes 4800 .* received 7/],
    ['another packed size', { zip64: true, localSays: { compressedBytes: 7 } }, /compressedBytes 4800 .* received 7/],
    ['extra fields that are none', { localExtra: Buffer.from([1, 2, 250, 250]) }, /extra fields/],
  ])('%s in its local header rejects it alone', async (_name, second, message) => {
    const entries = await entriesOf(...members(second));
    expect(await failures(entries[1]!)).toEqual(corrupt('b', message));
    for (const other of [entries[0]!, entries[2]!]) expect(await readEntry(store, await archive(), other)).toEqual(TEXT);
  });

  test.each<[string, Partial<ZipMember>, RegExp]>([
    ['a false checksum', { says: { crc32: 5 }, localSays: { crc32: 5 } }, /checksum 00000005/],
    ['more bytes than it says', { method: 8, says: { bytes: 99 }, localSays: { bytes: 99 } }, /99 (?:deflated )?bytes but received more/],
    ['fewer bytes than it says', { method: 8, says: { bytes: 9999 }, localSays: { bytes: 9999 } }, /9999 bytes but received 4800/],
    [
      'bytes that are not deflated',
      { body: Buffer.alloc(100, 0xff), says: { method: 8 }, localSays: { method: 8 } },
      /deflated bytes but received/,
    ],
    ['no local header where it should be', { says: { offset: 3 } }, /Expected a local header/],
  ])('%s rejects it', async (_name, second, message) => {
    // Where nothing else is, a false place shares no bytes with another entry.
    const [entry] = await entriesOf({ name: 'b', body: TEXT, gap: 100, ...second });
    expect(await failures(entry!)).toEqual(corrupt('b', message));
  });

  test('a bit of its bytes that is another rejects it, stored and deflated', async () => {
    for (const method of [0, 8]) {
      const entries = await entriesOf(...members({ method }));
      const file = await readFile(join(folder, ARCHIVE));
      file[entries[1]!.offset + 60]! ^= 0x10;
      await writeFile(join(folder, ARCHIVE), file);
      expect(await failures(entries[1]!)).toEqual(corrupt('b', /checksum|deflated/));
      expect(await readEntry(store, await archive(), entries[2]!)).toEqual(TEXT);
    }
  });

  test('a local header that says it is encrypted rejects it', async () => {
    const entries = await entriesOf(...members({}));
    const file = await readFile(join(folder, ARCHIVE));
    file[entries[1]!.offset + 6]! |= 1;
    await writeFile(join(folder, ARCHIVE), file);
    expect(await failures(entries[1]!)).toEqual(corrupt('b', /no encryption/));
  });

  test('a local header that would end behind the archive rejects it', async () => {
    const entries = await entriesOf(...members({}));
    const file = await readFile(join(folder, ARCHIVE));
    file.writeUInt16LE(0xffff, entries[1]!.offset + 28);
    await writeFile(join(folder, ARCHIVE), file);
    expect(await failures(entries[1]!)).toEqual(corrupt('b', /local header/));
  });

  test('is a reason for which an image is rejected', () => {
    expect(REJECTION_CODES).toContain('CORRUPT_ZIP');
  });
});

test('an archive that is another by now is SOURCE_CHANGED, one that is gone MISSING_IMAGE', async () => {
  const [entry] = await entriesOf({ name: 'a', body: TEXT });
  const planned = await archive();
  await writeZipFile(join(folder, ARCHIVE), [{ name: 'a', body: Buffer.concat([TEXT, TEXT]) }]);
  expect(await failure(readEntry(store, planned, entry!))).toMatchObject({ code: 'SOURCE_CHANGED' });
  expect(await failure(streamEntry(store, planned, entry!))).toMatchObject({ code: 'SOURCE_CHANGED' });
  await rm(join(folder, ARCHIVE));
  expect(await failure(readEntry(store, planned, entry!))).toMatchObject({
    code: 'MISSING_IMAGE',
    message: expect.stringContaining(ARCHIVE),
  });
});

test('planned rows are read out of their archive, and none that is larger than a photo', async () => {
  const [entry] = await entriesOf({ name: 'val2017/1.jpg', body: TEXT, method: 8 });
  const { bytes, ...zip } = entry!;
  const row = { imageId: '1', fileName: '1.jpg', sourceKey: ARCHIVE, etag: (await archive()).etag, bytes, licence: '', url: '', zip };
  const source = objectSource(store);
  expect(await source.read(row)).toEqual(TEXT);
  requests = 0;
  for (const large of [
    { ...row, bytes: MAX_FILE_BYTES + 1 },
    { ...row, zip: { ...zip, compressedBytes: MAX_FILE_BYTES + 1 } },
  ])
    expect(await failure(source.read(large))).toMatchObject({ code: 'TOO_LARGE' });
  expect(requests).toBe(0);
});
