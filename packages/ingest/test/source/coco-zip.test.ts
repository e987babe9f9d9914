import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { openSource } from '@showtell/shared/source/open';
import { prepareRows } from '@showtell/shared/source/prepare-rows';
import { type Layout, type ZipCocoOptions, zipCoco } from '../../../../bench/src/coco-zips';
import { writeZipFile, type ZipMember } from '../../../../bench/src/zip-writer';
import type { Dataset } from '../../src/source/dataset';
import { openDataset } from '../../src/source/open';
import { writeCocoFixture } from '../coco-fixture';

let root: string;
let folder: string;
let zips: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'showtell-coco-zip-'));
  folder = join(root, 'folder');
  zips = join(root, 'zips of coco');
  await mkdir(zips);
  await writeCocoFixture(folder, [
    { name: 'val2017', photos: 4, bad: ['truncated', 'absent'] },
    { name: 'train2017', photos: 5 },
  ]);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const scan = async (path = zips, splits: string[] = [], strict = false) => (await openDataset(path)).scan({ splits, strict });

/** What does not depend on where photos lie. */
const withoutPlaces = ({ splits, findings }: Dataset) => ({
  splits: splits.map(({ samples, ...rest }) => ({
    ...rest,
    samples: samples.map((row) => ({ ...row, zip: undefined, sourceKey: '', etag: '' })),
  })),
  findings,
});

async function contents(path: string): Promise<string[]> {
  const dataset = await openDataset(path);
  const { splits } = await dataset.scan({ splits: [], strict: false });
  const source = openSource(dataset.address);
  const rows = splits.flatMap(({ samples }) => samples);
  const bodies = await Promise.all(rows.map(async (row) => sha256(await source.read(row))));
  await source.close();
  return bodies;
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
const refusal = (work: Promise<unknown>): Promise<Refusal> =>
  work.then(
    () => {
      throw new Error('Expected a refusal but it went well');
    },
    (error: Refusal) => error,
  );

describe("COCO's own zips", () => {
  test.each<Layout>(['downloaded', 'bucket'])('are the same dataset as the folder, %s', async (layout) => {
    await zipCoco(folder, zips, { layout });
    const source = await openDataset(zips);
    expect(source.address.kind).toBe('coco-zip');
    const dataset = await scan();
    expect(withoutPlaces(dataset)).toEqual(withoutPlaces(await scan(folder)));
    expect(await contents(zips)).toEqual(await contents(folder));
    const photo = dataset.splits.find(({ split }) => split === 'val')!.samples[0]!;
    expect(photo).toMatchObject({
      imageId: '1000',
      fileName: '000000001000.jpg',
      sourceKey: layout === 'downloaded' ? 'val2017.zip' : 'zips/val2017.zip',
      zip: { entry: 'val2017/000000001000.jpg', method: 0, compressedBytes: photo.bytes },
    });
    expect((await scan(zips, ['val2017'])).splits.map(({ split }) => split)).toEqual(['val']);
  });

  test('may be named by the archive of their annotations', async () => {
    await zipCoco(folder, zips);
    const byFile = await openDataset(join(zips, 'annotations_trainval2017.zip'));
    expect(byFile.address).toEqual((await openDataset(zips)).address);
    expect(await refusal(openDataset(join(zips, 'val2017.zip')))).toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('--split val2017'),
    });
  });

  test('photos may be unpacked while captions are not, and the other way round', async () => {
    await zipCoco(folder, zips);
    const whole = withoutPlaces(await scan());
    await rm(join(zips, 'val2017.zip'));
    await rename(join(folder, 'val2017'), join(zips, 'val2017'));
    const photosUnpacked = await scan();
    expect(withoutPlaces(photosUnpacked)).toEqual(whole);
    expect(photosUnpacked.splits.map(({ samples }) => samples[0]!.sourceKey)).toEqual(['train2017.zip', 'val2017/000000001000.jpg']);

    await rename(join(folder, 'annotations'), join(zips, 'annotations'));
    expect((await openDataset(zips)).address.kind).toBe('coco');
    expect(await scan()).toEqual(photosUnpacked);
  });

  test('captions are found in whichever archive has them, once', async () => {
    await zipCoco(folder, zips);
    await writeZipFile(join(zips, 'annotations_other2017.zip'), [{ name: 'annotations/panoptic_val2017.json', body: Buffer.from('{}') }]);
    expect((await scan()).splits.map(({ split }) => split)).toEqual(['train', 'val']);
    const captions = await readFile(join(folder, 'annotations', 'captions_val2017.json'));
    await writeZipFile(join(zips, 'annotations_val2017.zip'), [{ name: 'annotations/captions_val2017.json', body: captions }]);
    expect(await refusal(scan())).toMatchObject({
      code: 'NOT_A_DATASET',
      message: expect.stringMatching(/captions_val2017\.json in one .* annotations_trainval2017\.zip and annotations_val2017\.zip$/),
    });
  });

  test('without captions or without photos say what is missing', async () => {
    await zipCoco(folder, zips, { edit: (key, members) => (key === 'annotations_trainval2017.zip' ? [] : members) });
    expect(await refusal(scan())).toMatchObject({
      code: 'NOT_A_DATASET',
      message: expect.stringContaining('annotations_trainval2017.zip'),
    });
    await zipCoco(folder, zips, { edit: (key, members) => (/^(?:val|train)/.test(key) ? [] : members) });
    expect(await refusal(scan())).toMatchObject({ code: 'EMPTY_DATASET', hint: expect.stringContaining('zips/val2017.zip') });
    await rm(join(zips, 'val2017.zip'));
    await rm(join(zips, 'train2017.zip'));
    expect(await refusal(scan())).toMatchObject({ code: 'EMPTY_DATASET' });
  });
});

describe('zips that are not read', () => {
  const edited = (archive: string, edit: (members: ZipMember[]) => ZipMember[]): ZipCocoOptions => ({
    edit: (key, members) => (key === archive ? edit(members) : members),
  });

  test.each<[string, string, (members: ZipMember[]) => ZipMember[], string]>([
    ['a name that leads out', 'val2017.zip', (all) => [...all, { name: '../../x.jpg' }], 'UNSAFE_ZIP'],
    ['an encrypted photo', 'val2017.zip', (all) => all.map((one) => ({ ...one, flags: 1 })), 'UNSAFE_ZIP'],
    ['a photo twice', 'train2017.zip', (all) => [...all, all[1]!], 'UNSAFE_ZIP'],
    [
      'captions that lie about their size',
      'annotations_trainval2017.zip',
      (all) => all.map((one) => ({ ...one, says: { bytes: 5 } })),
      'CORRUPT_ZIP',
    ],
    [
      'captions with a false checksum',
      'annotations_trainval2017.zip',
      (all) => all.map((one) => ({ ...one, says: { crc32: 5 }, localSays: { crc32: 5 } })),
      'CORRUPT_ZIP',
    ],
    [
      'a bomb for captions',
      'annotations_trainval2017.zip',
      (all) => all.map((one) => ({ ...one, body: Buffer.alloc(2 ** 23, 0x20) })),
      'UNSAFE_ZIP',
    ],
    [
      'captions that are no JSON',
      'annotations_trainval2017.zip',
      (all) => all.map((one) => ({ ...one, body: Buffer.from('{"images": [}') })),
      'BROKEN_ANNOTATIONS',
    ],
  ])('%s', async (_name, archive, edit, code) => {
    await zipCoco(folder, zips, edited(archive, edit));
    const error = await refusal(scan());
    expect(error.code).toBe(code);
    expect(error.message).toContain(code === 'BROKEN_ANNOTATIONS' ? 'annotations/captions_' : archive);
  });

  test('an archive that ends early', async () => {
    await zipCoco(folder, zips);
    const whole = await readFile(join(zips, 'val2017.zip'));
    await writeFile(join(zips, 'val2017.zip'), whole.subarray(0, whole.length - 1000));
    expect(await refusal(scan())).toMatchObject({ code: 'CORRUPT_ZIP', message: expect.stringContaining('val2017.zip') });
  });
});

test('one damaged photo is rejected alone; when the archive is another, all of it are', async () => {
  await zipCoco(folder, zips);
  const dataset = await openDataset(zips);
  const rows = (await dataset.scan({ splits: ['train'], strict: false })).splits[0]!.samples;
  const prepare = async () => {
    const source = openSource(dataset.address);
    const codes: (string | undefined)[] = [];
    for await (const { rejection } of prepareRows(source, rows, { concurrency: 2 })) codes.push(rejection?.code);
    await source.close();
    return codes;
  };
  const file = await readFile(join(zips, 'train2017.zip'));
  expect(await prepare()).toEqual(rows.map(() => undefined));

  // Written anew, an archive is another one, whatever is in it.
  await writeFile(join(zips, 'train2017.zip'), file);
  expect(await prepare()).toEqual(rows.map(() => 'SOURCE_CHANGED'));

  file[rows[2]!.zip!.offset + 200]! ^= 1;
  await writeFile(join(zips, 'train2017.zip'), file);
  const { etag } = (await dataset.scan({ splits: ['train'], strict: false })).splits[0]!.samples[0]!;
  for (const row of rows) Object.assign(row, { etag });
  expect(await prepare()).toEqual([undefined, undefined, 'CORRUPT_ZIP', undefined, undefined]);

  await rm(join(zips, 'train2017.zip'));
  expect(await prepare()).toEqual(rows.map(() => 'MISSING_IMAGE'));
});
