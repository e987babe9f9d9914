import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { zipCoco } from '../../../bench/src/coco-zips';
import { writeZipFile, type ZipMember, type ZipOptions } from '../../../bench/src/zip-writer';
import { writeCocoFixture } from '../../../packages/ingest/test/coco-fixture';
import { checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';
import { describeFault } from './fault';

const ARCHIVE = 'train2017.zip';
const PHOTO = 'train2017/000000001001.jpg';

/** Files below a folder, with their sizes. */
const filesIn = (folder: string) =>
  (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => `${name} ${statSync(join(folder, name)).size}`);

/** COCO's zips of six photos in the rig's folder, of which the photos' archive is written as it is said. */
async function zips(rig: PipelineRig, edit: (members: ZipMember[]) => Iterable<ZipMember>, options: ZipOptions = {}): Promise<string> {
  const { folder } = await writeCocoFixture(join(rig.folder, 'coco'), [{ name: 'train2017', photos: 6 }]);
  const target = join(rig.folder, 'zips');
  mkdirSync(target, { recursive: true });
  let photos: ZipMember[] = [];
  await zipCoco(folder, target, {
    edit: (key, members) => {
      if (key === ARCHIVE) photos = members;
      return key === ARCHIVE ? [] : members;
    },
  });
  await writeZipFile(join(target, ARCHIVE), edit(photos), options);
  return target;
}

const text = (words: string) => Buffer.from(words);
const only = (change: Partial<ZipMember>) => (members: ZipMember[]) =>
  members.map((member) => (member.name === PHOTO ? { ...member, ...change } : member));
const besides =
  (...more: ZipMember[]) =>
  (members: ZipMember[]) => [...members, ...more];

/** Written one after another, so that the test has no million of them in memory. */
function* many(members: ZipMember[], count: number): Generator<ZipMember> {
  yield* members;
  for (let index = 0; index < count; index++) yield { name: `more/${index}` };
}

const UNSAFE: [string, (members: ZipMember[]) => Iterable<ZipMember>, RegExp, ZipOptions?][] = [
  ['../ in a name', besides({ name: '../../evil.jpg', body: text('x') }), /"\.\.\/\.\.\/evil\.jpg".*leads out/],
  ['an absolute name', besides({ name: '/tmp/evil.jpg', body: text('x') }), /"\/tmp\/evil\.jpg".*absolute/],
  ['a symbolic link', besides({ name: 'train2017/link.jpg', body: text('/etc/passwd'), mode: 0o120777 }), /link\.jpg.*symbolic link/],
  ['a photo that is a symbolic link', only({ mode: 0o120777 }), /1001\.jpg.*symbolic link/],
  ['a backslash', besides({ name: '..\\evil.jpg', body: text('x') }), /backslash/],
  ["42.zip's ratio", besides({ name: 'train2017/zeros', body: Buffer.alloc(2 ** 24), method: 8 }), /zeros.*at most 200 bytes out of one/],
  [
    'bytes that two entries share, as in a bomb without nesting',
    (members) => besides({ name: 'twin.jpg', body: text('x'), says: { offset: 45 } })(members),
    /bytes of another entry/,
  ],
  ['more unpacked bytes than a stored entry has', only({ says: { bytes: 2 ** 31 } }), /1001\.jpg.*one size/],
  ['sizes beyond the archive', only({ says: { bytes: 2 ** 31, compressedBytes: 2 ** 31 } }), /1001\.jpg.*before byte/],
  ['a place beyond the archive', only({ says: { offset: 2 ** 31 } }), /1001\.jpg.*before byte/],
  ['one name twice', besides({ name: PHOTO, body: text('x') }), /1001\.jpg.*one entry of this name/],
  ['encryption', only({ flags: 0x1 }), /1001\.jpg.*encrypt/],
  ['another method', only({ method: 12 }), /1001\.jpg.*received 12/],
  ['parts on several disks', (members) => members, /multi-disk/, { says: { disk: 2 } }],
  [
    'more entries than the limit',
    (members) => members,
    /at most 4000000 entries but received 4000001/,
    { says: { entries: 4_000_001 }, zip64: true },
  ],
  ['more entries than it has room for', (members) => members, /no more entries than/, { says: { entries: 1_000_000 }, zip64: true }],
];

describeFault(35, 'zip archives that are made to harm', {}, (place) => {
  test.each(UNSAFE)('%s: refused before anything is written, nothing is unpacked', async (_what, edit, message, ...more) => {
    const rig = await place.rig();
    const folder = await zips(rig, edit, more[0] as ZipOptions | undefined);
    const before = filesIn(rig.folder);
    await expect(rig.enqueue({ dataset: folder })).rejects.toMatchObject({ code: 'UNSAFE_ZIP', message: expect.stringMatching(message) });
    const written = filesIn(rig.folder).filter((file) => !before.includes(file));
    // Conditional writes are tried before a source is read.
    expect(written.filter((file) => !file.startsWith('store/probe/'))).toEqual([]);
  });

  test('the operator is told the archive, the entry and what it is, with exit code 3', async () => {
    const rig = await place.rig();
    const program = place.showtell(rig, ['enqueue', await zips(rig, UNSAFE[0]![1]), '--weights', rig.weightsFile]);
    expect((await program.exit).code).toBe(3);
    expect(program.said()).toMatch(/^UNSAFE_ZIP: .*"\.\.\/\.\.\/evil\.jpg" of zip archive train2017\.zip: .*leads out/m);
  });

  test('of an entry that unpacks to more than it says that photo alone is rejected', async () => {
    const rig = await place.rig();
    const folder = await zips(rig, only({ method: 8, says: { bytes: 100 }, localSays: { bytes: 100 } }));
    const { run } = await rig.enqueue({ dataset: folder });
    await rig.drain();
    const { rejected, features } = await checkInvariants(rig.store, run);
    expect([[...rejected], features.size]).toEqual([[['1001', 'CORRUPT_ZIP']], 5]);
  });

  test('zip64 is read, with 70,000 entries, as the folder is', async () => {
    const rig = await place.rig();
    const folder = await zips(
      rig,
      (members) =>
        many(
          members.map((member) => ({ ...member, zip64: true })),
          70_000,
        ),
      { zip64: true },
    );
    const zipped = await rig.enqueue({ dataset: folder, shardRows: 4 });
    const unpacked = await rig.enqueue({ dataset: join(rig.folder, 'coco'), shardRows: 4 });
    await rig.drain();
    const [ofZip, ofFolder] = [await checkInvariants(rig.store, zipped.run), await checkInvariants(rig.store, unpacked.run)];
    expect(ofZip.shardSha256s).toEqual(ofFolder.shardSha256s);
    expect(ofZip.features.size).toBe(6);
    // Else nothing would be shown by the other one's being refused.
    expect(readFileSync(join(folder, ARCHIVE)).subarray(-42, -38).toString('latin1')).toBe('PK\x06\x07');
  });
});
