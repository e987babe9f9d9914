import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { openStore } from '@showtell/shared/object-store/open';
import { openSource } from '@showtell/shared/source/open';
import { NO_S3, type S3TestServer, s3TestServer, startS3 } from '../../../../infra/test/s3-server';
import { NO_FINDINGS } from '../../../shared/test/no-findings';
import type { Dataset, DatasetSource } from '../../src/source/dataset';
import { type OpenDatasetOptions, openDataset } from '../../src/source/open';

export interface FixturePhoto {
  readonly id: string;
  readonly name: string;
  readonly split: string;
  readonly captions: readonly string[];
  /** What preparing would read; `undefined` for a photo that is listed and not there. */
  readonly content: Buffer | undefined;
}

/** One way in which a dataset may lie in a folder. */
export interface SourceShape {
  readonly name: string;
  readonly kind: string;
  /** The file by which a person may name the dataset instead of by its folder. */
  readonly file?: string;
  /** Whether photos lie in other objects, so that they change and go together. */
  readonly archived?: boolean;
  /** Every object of the dataset, by its key. */
  files(photos: readonly FixturePhoto[]): Record<string, string | Buffer>;
}

const photo = (id: number, split: string, more: Partial<FixturePhoto> = {}): FixturePhoto => ({
  id: String(id),
  name: `photo ${id}.jpg`,
  split,
  captions: [`A “caption”, of ${id}.`, `Another\u0301 of ${id} | with\tall; "quotes"`],
  content: Buffer.from(`photo ${id}`),
  ...more,
});

/** Ids of differing length, which sort as numbers and not as text. */
const PHOTOS = [photo(1000, 'val'), photo(7, 'train'), photo(90, 'train'), photo(100, 'train'), photo(12, 'val')];
const IDS = { train: ['7', '90', '100'], val: ['12', '1000'] };
const ALL = { splits: [], strict: false } as const;

const idsOf = ({ splits }: Dataset) =>
  Object.fromEntries(splits.map(({ split, samples }) => [split, samples.map(({ imageId }) => imageId)]));

/** What must hold of every source, whatever it is made of. */
export function sourceBehaviour(name: string, open: () => Promise<DatasetSource>, unknownSplit = 'dev'): void {
  describe(`${name}: as every source`, () => {
    test('scanning twice gives the same, splits in order, samples with captions of theirs alone, no id twice', async () => {
      const source = await open();
      const dataset = await source.scan(ALL);
      expect(await source.scan(ALL)).toEqual(dataset);
      const names = dataset.splits.map(({ split }) => split);
      expect(names).toEqual(names.toSorted());
      const ids = dataset.splits.flatMap(({ samples }) => samples.map(({ imageId }) => imageId));
      expect(new Set(ids).size).toBe(ids.length);
      for (const { samples, captions } of dataset.splits) {
        const order = new Map(samples.map(({ imageId }, index) => [imageId, index]));
        const places = captions.map(({ imageId }) => order.get(imageId)!);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }
    });

    test('the address is the same each time, and opens the same photos', async () => {
      const { address } = await open();
      expect((await open()).address).toEqual(address);
      const [split] = (await (await open()).scan(ALL)).splits;
      const reader = openSource(address);
      expect((await reader.read(split!.samples[0]!)).length).toBeGreaterThan(0);
      await reader.close();
    });

    test('splits may be taken in part; one that is not there is NOT_FOUND, with those that are', async () => {
      const source = await open();
      const whole = await source.scan(ALL);
      for (const split of whole.splits) expect((await source.scan({ ...ALL, splits: [split.split] })).splits).toEqual([split]);
      const error = await source.scan({ ...ALL, splits: [unknownSplit] }).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'NOT_FOUND', message: expect.stringContaining(unknownSplit) });
      for (const { split } of whole.splits) expect((error as Error).message).toContain(split);
    });

    test('an abort is thrown as it is', async () => {
      const reason = new Error('no more');
      await expect((await open()).scan({ ...ALL, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    });
  });
}

/** Folders and buckets for the datasets of a suite, gone with it. */
interface Places {
  folder(files: Record<string, string | Buffer>): Promise<string>;
  bucket(files: Record<string, string | Buffer>): Promise<{ url: string; options: OpenDatasetOptions }>;
}

/** The same dataset in every shape gives the same samples and captions, and the same flaws the same findings and errors. */
export function sourceContract(shapes: readonly SourceShape[]): void {
  const environment = { ...process.env };
  let root: string;
  let server: S3TestServer | undefined;
  let count = 0;
  const places: Places = {
    async folder(files) {
      const folder = join(root, String(count++));
      for (const [key, body] of Object.entries(files)) {
        await mkdir(dirname(join(folder, key)), { recursive: true });
        await writeFile(join(folder, key), body);
      }
      return folder;
    },
    async bucket(files) {
      const url = `s3://${server!.bucket}/${count++}`;
      const options = { endpoint: server!.endpoint };
      const store = openStore(url, options);
      for (const [key, body] of Object.entries(files)) await store.put(key, Buffer.from(body));
      await store.close();
      return { url, options };
    },
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'showtell-sources-'));
    server = await startS3();
    if (server === undefined) return;
    process.env['AWS_ACCESS_KEY_ID'] = server.credentials.accessKeyId;
    process.env['AWS_SECRET_ACCESS_KEY'] = server.credentials.secretAccessKey;
  });
  afterAll(async () => {
    process.env = environment;
    await server?.stop();
    await rm(root, { recursive: true, force: true });
  });

  for (const shape of shapes) describeShape(shape, places);
}

function describeShape(shape: SourceShape, places: Places): void {
  const folder = (photos: readonly FixturePhoto[] = PHOTOS) => places.folder(shape.files(photos));
  const scan = async (photos: readonly FixturePhoto[], options: { splits?: string[]; strict?: boolean } = {}) =>
    (await openDataset(await folder(photos))).scan({ ...ALL, ...options });

  describe(shape.name, () => {
    let path: string | undefined;
    sourceBehaviour(shape.name, async () => openDataset((path ??= await folder())));

    test('has the samples, captions and photos that were put into it, and no finding', async () => {
      const source = await openDataset(await folder());
      expect(source.address.kind).toBe(shape.kind);
      const dataset = await source.scan({ ...ALL, strict: true });
      expectFixture(dataset);
      await expectPhotos(source, dataset);
    });

    (s3TestServer() ? test : test.skip)(`in S3, too${s3TestServer() ? '' : `: ${NO_S3}`}`, async () => {
      const { url, options } = await places.bucket(shape.files(PHOTOS));
      const source = await openDataset(`${url}/`, options);
      expect(source.address).toMatchObject({ kind: shape.kind, url, ...options });
      const dataset = await source.scan({ ...ALL, strict: true });
      expectFixture(dataset);
      await expectPhotos(source, dataset);
      if (shape.file !== undefined) expect((await openDataset(`${url}/${shape.file}`, options)).address).toEqual(source.address);
      const changed = openStore(url, options);
      await expectChange(source, dataset, changed, shape.archived);
      await changed.close();
    });

    if (shape.file !== undefined)
      test('may be named by its file', async () => {
        const at = await folder();
        expect((await openDataset(join(at, shape.file!))).address).toEqual((await openDataset(at)).address);
      });

    test('photos that change or go after they were planned are rejected, saying what to do', async () => {
      const at = await folder();
      const source = await openDataset(at);
      const dataset = await source.scan(ALL);
      await expectChange(source, dataset, openStore(source.address.url), shape.archived);
    });

    test('a photo that is not there takes its captions with it, and is counted; --strict refuses it', async () => {
      const flawed = [...PHOTOS, photo(5, 'val', { content: undefined })];
      const dataset = await scan(flawed);
      expectFixture(dataset, { imagesMissing: { count: 1, examples: [expect.stringContaining('photo 5.jpg')] } });
      await expect(scan(flawed, { strict: true })).rejects.toMatchObject({
        code: 'STRICT',
        message: expect.stringContaining('photo 5.jpg'),
      });
    });

    test('flaws of other splits than those asked for do not count', async () => {
      const flawed = [...PHOTOS, photo(5, 'val', { content: undefined }), photo(6, 'val', { captions: [''] })];
      const { splits, findings } = await scan(flawed, { splits: ['train'], strict: true });
      expect([splits.length, findings.imagesMissing.count, findings.captionsRejected.count]).toEqual([1, 0, 0]);
    });

    test('captions that break the limits are left out, each named; --strict refuses them', async () => {
      const flawed = [...PHOTOS, photo(5, 'val', { captions: ['Good.', ' ', 'x'.repeat(10_001)] })];
      const { splits, findings } = await scan(flawed);
      expect(findings.captionsRejected).toEqual({
        count: 2,
        examples: [expect.stringMatching(/\S+: .*expected words/), expect.any(String)],
      });
      expect(splits[1]!.captions.filter(({ imageId }) => imageId === '5')).toEqual([{ imageId: '5', caption: 'Good.' }]);
      await expect(scan(flawed, { strict: true })).rejects.toMatchObject({ code: 'CAPTION_INVALID' });
    });

    test('one id of two files is ID_CONFLICT', async () => {
      await expect(scan([...PHOTOS, photo(7, 'train', { name: 'other.jpg' })])).rejects.toMatchObject({
        code: 'ID_CONFLICT',
        message: expect.stringContaining('7'),
      });
    });

    test("one id in two splits is ID_CONFLICT, but for COCO, whose files number each split's images by themselves", async () => {
      const scanning = scan([...PHOTOS, photo(7, 'val', { name: 'other.jpg' })]);
      if (shape.kind.startsWith('coco')) expect(idsOf(await scanning)).toEqual({ train: IDS.train, val: ['7', ...IDS.val] });
      else await expect(scanning).rejects.toMatchObject({ code: 'ID_CONFLICT', message: expect.stringContaining('7') });
    });

    test('two ids of one file are one sample with the captions of both', async () => {
      const { splits, findings } = await scan([...PHOTOS, photo(8, 'train', { name: 'photo 7.jpg', captions: ['Once more.'] })]);
      expect(findings.duplicateImages).toBe(1);
      expect(splits[0]!.samples.map(({ imageId }) => imageId)).toEqual(IDS.train);
      expect(splits[0]!.captions.filter(({ imageId }) => imageId === '7').length).toBe(3);
    });

    test('the same caption by two people is two captions', async () => {
      const { splits } = await scan([photo(1, 'train', { captions: ['A dog.', 'A dog.'] }), photo(2, 'val')]);
      expect(splits[0]!.captions.map(({ caption }) => caption)).toEqual(['A dog.', 'A dog.']);
    });

    test('without any photo it is EMPTY_DATASET; without those of one split, only when that was asked for', async () => {
      const without = (photos: readonly FixturePhoto[]) => photos.map((one) => ({ ...one, content: undefined }));
      await expect(scan(without(PHOTOS))).rejects.toMatchObject({ code: 'EMPTY_DATASET' });
      const ofTrain = [...PHOTOS.filter(({ split }) => split === 'train'), ...without(PHOTOS.filter(({ split }) => split === 'val'))];
      expect((await scan(ofTrain)).splits.map(({ split }) => split)).toEqual(['train']);
      await expect(scan(ofTrain, { splits: ['val', 'train'] })).rejects.toMatchObject({ code: 'EMPTY_DATASET' });
    });
  });
}

function expectFixture(dataset: Dataset, findings: object = {}): void {
  expect(idsOf(dataset)).toEqual(IDS);
  const rows = PHOTOS.flatMap(({ id, captions }) => captions.map((caption) => [id, caption.normalize('NFC')]));
  for (const { split, samples, captions } of dataset.splits) {
    const ids = IDS[split as keyof typeof IDS];
    expect(captions.map(({ imageId, caption }) => [imageId, caption])).toEqual(ids.flatMap((id) => rows.filter(([of]) => of === id)));
    expect(samples.map(({ fileName }) => fileName.slice(fileName.lastIndexOf('/') + 1))).toEqual(ids.map((id) => `photo ${id}.jpg`));
  }
  expect(dataset.findings).toEqual({
    ...NO_FINDINGS,
    ...findings,
  });
}

async function expectPhotos(source: DatasetSource, { splits }: Dataset): Promise<void> {
  const reader = openSource(source.address);
  for (const row of splits.flatMap(({ samples }) => samples))
    expect([row.bytes, (await reader.read(row)).toString()]).toEqual([`photo ${row.imageId}`.length, `photo ${row.imageId}`]);
  await reader.close();
}

async function expectChange(source: DatasetSource, { splits }: Dataset, store: ObjectStore, archived = false): Promise<void> {
  const [changed, gone, left] = splits[0]!.samples;
  const reader = openSource(source.address);
  await store.put(changed!.sourceKey, Buffer.from('photo X'));
  await expect(reader.read(changed!)).rejects.toMatchObject({ code: 'SOURCE_CHANGED', message: expect.stringContaining('new run') });
  await store.delete(gone!.sourceKey);
  await expect(reader.read(gone!)).rejects.toMatchObject({ code: 'MISSING_IMAGE' });
  if (!archived) expect((await reader.read(left!)).toString()).toBe(`photo ${left!.imageId}`);
  await reader.close();
}
