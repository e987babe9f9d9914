import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeZipFile, type ZipMember, type ZipOptions, zipFile } from '../../../../bench/src/zip-writer';
import type { ErrorCode } from '../../src/errors';
import type { ObjectStore, ReadOptions } from '../../src/object-store/object-store';
import { openStore } from '../../src/object-store/open';
import { MOST_ENTRIES, readDirectory } from '../../src/zip/directory';
import { readEntry } from '../../src/zip/read-entry';
import type { ZipEntry } from '../../src/zip/zip-entry';

let folder: string;
let store: ObjectStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-zip-'));
  store = openStore(pathToFileURL(folder).href);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const ARCHIVE = 'val2017.zip';
const body = (text: string) => Buffer.from(text);

async function entriesOf(signal?: AbortSignal): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for await (const entry of readDirectory(store, (await store.head(ARCHIVE))!, signal)) entries.push(entry);
  return entries;
}

async function archiveOf(members: Iterable<ZipMember>, options?: ZipOptions): Promise<void> {
  await writeZipFile(join(folder, ARCHIVE), members, options);
}

const contents = async (entries: readonly ZipEntry[]) => {
  const archive = (await store.head(ARCHIVE))!;
  return Promise.all(entries.map(async (entry) => (await readEntry(store, archive, entry)).toString()));
};

describe('sound archives', () => {
  test.each<[string, Partial<ZipMember>, ZipOptions]>([
    ['stored', {}, {}],
    ['deflated', { method: 8 }, {}],
    ['with sizes behind the bytes', { method: 8, descriptor: true }, {}],
    ['with 64-bit fields', { zip64: true }, { zip64: true }],
    ['with a long comment', {}, { comment: 'PK is not always a signature. '.repeat(2000) }],
    [
      'with long extra fields in local headers',
      { localExtra: Buffer.concat([Buffer.from([0xfe, 0xca, 0xd0, 0x07]), Buffer.alloc(2000)]) },
      {},
    ],
    ['of a Unix system', { mode: 0o100644 }, {}],
  ])('%s are read: folders left out, the rest in order', async (_name, member, options) => {
    await archiveOf(
      [
        { name: 'val2017/', mode: 0o040755 },
        { ...member, name: 'val2017/1.jpg', body: body('one one one one') },
        { ...member, name: 'val2017/é 写真.jpg', body: body('two') },
        { ...member, name: 'val2017/empty.jpg' },
      ],
      options,
    );
    const entries = await entriesOf();
    expect(entries.map(({ entry, bytes }) => [entry, bytes])).toEqual([
      ['val2017/1.jpg', 15],
      ['val2017/é 写真.jpg', 3],
      ['val2017/empty.jpg', 0],
    ]);
    expect(await contents(entries)).toEqual(['one one one one', 'two', '']);
  });

  test('what is small may be packed to almost nothing, as a photo of one colour', async () => {
    await archiveOf([{ name: 'white.bmp', body: Buffer.alloc(2 ** 20, 0xff), method: 8 }]);
    const [entry] = await entriesOf();
    expect(entry!.bytes / entry!.compressedBytes).toBeGreaterThan(200);
  });

  test('an empty archive has no entries', async () => {
    await archiveOf([]);
    expect(await entriesOf()).toEqual([]);
  });

  test('names that are not UTF-8 are of code page 437', async () => {
    await archiveOf([{ name: Buffer.from([0x80, 0xe1, 0x2e, 0x6a]), body: body('x') }]);
    const entries = await entriesOf();
    expect(entries.map(({ entry }) => entry)).toEqual(['Çß.j']);
    expect(await contents(entries)).toEqual(['x']);
  });

  test('entries beyond 4 GiB are found and read', async () => {
    await archiveOf([
      { name: 'a', body: body('at the begin') },
      { name: 'b', body: body('far away'), gap: 5 * 2 ** 30 },
      { name: 'c', body: body('farther'), method: 8, gap: 2 ** 31 },
    ]);
    const entries = await entriesOf();
    expect(entries[1]!.offset).toBeGreaterThan(2 ** 32);
    expect(await contents(entries)).toEqual(['at the begin', 'far away', 'farther']);
  });

  test('more entries than 16 bits count are read in a few pieces, whatever their order', async () => {
    const members = Array.from({ length: 70_000 }, (_, index) => ({
      name: `train2017/${String(index).padStart(12, '0')}.jpg`,
      body: body(String(index)),
    }));
    await archiveOf(members);
    const reads: ReadOptions['range'][] = [];
    const get = store.get.bind(store);
    store.get = async (key, options) => {
      reads.push(options?.range);
      return get(key, options);
    };
    const entries = await entriesOf();
    expect(entries.map(({ entry }) => entry)).toEqual(members.map(({ name }) => name));
    expect(await contents([entries.at(-1)!])).toEqual(['69999']);
    expect(reads.length).toBeLessThan(20);
    for (const range of reads) expect(range!.end - range!.start).toBeLessThan(2 ** 20);
  });
});

describe('what is not read', () => {
  const one: ZipMember = { name: 'val2017/1.jpg', body: body('one') };

  async function refusal(members: Iterable<ZipMember>, options?: ZipOptions): Promise<{ code: ErrorCode; message: string }> {
    await archiveOf(members, options);
    return entriesOf().then(
      () => {
        throw new Error('Expected a refusal but the archive was read');
      },
      (error: { code: ErrorCode; message: string }) => ({ code: error.code, message: error.message }),
    );
  }

  test.each<[string, ZipMember, RegExp]>([
    ['a name that leads out', { name: '../evil.jpg', body: body('x') }, /leads out/],
    ['a name that leads out further on', { name: 'val2017/../../evil.jpg', body: body('x') }, /leads out/],
    ['an absolute name', { name: '/etc/passwd', body: body('x') }, /absolute/],
    ['a name with a drive', { name: 'C:evil.jpg', body: body('x') }, /absolute/],
    ['a backslash', { name: 'val2017\\1.jpg', body: body('x') }, /backslash/],
    ['a NUL character', { name: 'val2017/1.jpg\0.png', body: body('x') }, /NUL/],
    ['an empty name', { name: '', body: body('x') }, /empty/],
    ['a symbolic link', { name: 'link', body: body('/etc/passwd'), mode: 0o120777 }, /symbolic link/],
    ['a device', { name: 'device', mode: 0o020666 }, /special file/],
    ['encryption', { name: 'secret', body: body('x'), flags: 0x1 }, /encrypt/],
    ['strong encryption', { name: 'secret', body: body('x'), flags: 0x41 }, /encrypt/],
    ['an unknown method', { name: 'odd', body: body('x'), method: 12 }, /method 0 .* received 12/],
    ['a ratio of a bomb', { name: 'bomb', body: Buffer.alloc(2 ** 23), method: 8 }, /at most 200 bytes out of one/],
    ['two sizes of stored bytes', { name: 'lie', body: body('xyz'), says: { bytes: 2000 } }, /one size/],
    ['a size beyond the archive', { name: 'lie', body: body('xyz'), says: { bytes: 2000, compressedBytes: 2000 } }, /before byte/],
    ['a place beyond the archive', { name: 'lie', body: body('xyz'), says: { offset: 5000 } }, /before byte/],
    ['a folder with content', { name: 'val2017/', body: body('x') }, /folder to be empty/],
  ])('%s', async (_name, member, message) => {
    const error = await refusal([one, member]);
    expect(error).toEqual({ code: 'UNSAFE_ZIP', message: expect.stringMatching(message) });
    expect(error.message).toContain(ARCHIVE);
    if (!/strong/.test(error.message)) expect(error.message).toContain(JSON.stringify(member.name));
  });

  test('one name twice', async () => {
    expect(await refusal([one, { ...one, name: 'other' }, { ...one, body: body('another') }])).toEqual({
      code: 'UNSAFE_ZIP',
      message: expect.stringMatching(/"val2017\/1\.jpg".*one entry of this name/),
    });
  });

  test('bytes that two entries share, in whatever order they are', async () => {
    const members = [one, { name: 'second', body: body('two') }, { name: 'third', body: body('3') }];
    const second = { ...members[1]!, says: { offset: 10 } };
    for (const shuffled of [
      [members[0]!, second, members[2]!],
      [members[2]!, second, members[0]!],
    ])
      expect(await refusal(shuffled)).toEqual({ code: 'UNSAFE_ZIP', message: expect.stringMatching(/received bytes of another entry/) });
  });

  test('entries that lie in another order than the directory has them are no lie', async () => {
    const members = ['a', 'b', 'c'].map((name) => ({ name, body: body(name) }));
    await archiveOf(members);
    const [a, b, c] = await entriesOf();
    await archiveOf([
      { ...members[0]!, says: { ...c } },
      { ...members[1]!, says: { ...a } },
      { ...members[2]!, says: { ...b } },
    ]);
    expect((await entriesOf()).map(({ offset }) => offset)).toEqual([c!.offset, a!.offset, b!.offset]);
  });

  test('parts of an archive on several disks', async () => {
    for (const zip64 of [false, true])
      expect(await refusal([one], { says: { disk: 2 }, zip64 })).toEqual({
        code: 'UNSAFE_ZIP',
        message: expect.stringMatching(/multi-disk.*2/),
      });
  });

  test('more entries than the limit, or than there is room for', async () => {
    expect(await refusal([one], { says: { entries: MOST_ENTRIES + 1 } })).toEqual({
      code: 'UNSAFE_ZIP',
      message: expect.stringMatching(/at most 4000000 entries but received 4000001/),
    });
    expect(await refusal([one], { says: { entries: 70_000 } })).toEqual({
      code: 'UNSAFE_ZIP',
      message: expect.stringMatching(/no more entries than \d+ bytes can hold but received 70000/),
    });
  });
});

describe('damage', () => {
  const whole = zipFile([
    { name: 'val2017/1.jpg', body: body('one') },
    { name: 'val2017/2.jpg', body: body('two') },
  ]);
  const directory = whole.indexOf('PK\x01\x02');

  async function damageOf(file: Buffer): Promise<string> {
    await writeFile(join(folder, ARCHIVE), file);
    return entriesOf().then(
      () => 'none',
      (error: { code: ErrorCode; message: string }) => {
        expect(error.message).toContain(ARCHIVE);
        return error.code;
      },
    );
  }

  test('an archive that ends early is damaged, wherever it ends', async () => {
    for (let length = 0; length < whole.length; length++) expect(await damageOf(whole.subarray(0, length))).toBe('CORRUPT_ZIP');
    expect(await damageOf(whole)).toBe('none');
  });

  test('what is no archive is damaged', async () => {
    expect(await damageOf(Buffer.from('<html>Not found</html>'))).toBe('CORRUPT_ZIP');
    expect(await damageOf(Buffer.alloc(200_000))).toBe('CORRUPT_ZIP');
  });

  test('a byte of the directory that is another never leads to anything but an error or other entries', async () => {
    for (let place = directory; place < whole.length; place++) {
      const file = Buffer.from(whole);
      file[place]! ^= 0xff;
      expect(['CORRUPT_ZIP', 'UNSAFE_ZIP', 'none']).toContain(await damageOf(file));
    }
  });

  test('an end record that counts fewer entries than there are', async () => {
    await archiveOf([{ name: 'a' }, { name: 'b' }, { name: 'c' }], { says: { entries: 2 } });
    await expect(entriesOf()).rejects.toMatchObject({ code: 'CORRUPT_ZIP', message: expect.stringMatching(/2 entries .* goes on/) });
  });

  test('an archive that changes while it is read', async () => {
    await archiveOf([{ name: 'a', body: body('x') }]);
    const before = (await store.head(ARCHIVE))!;
    await archiveOf([{ name: 'a', body: body('xx') }]);
    await expect(readDirectory(store, before).next()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
    await rm(join(folder, ARCHIVE));
    await expect(readDirectory(store, before).next()).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });

  test('who stops has stopped', async () => {
    await archiveOf([{ name: 'a' }, { name: 'b' }]);
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(entriesOf(stop.signal)).rejects.toThrow('enough');
    for await (const { entry } of readDirectory(store, (await store.head(ARCHIVE))!)) {
      expect(entry).toBe('a');
      break;
    }
  });
});
