import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openDataset } from '../../src/source/open';

let root: string;
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'showtell-open-')));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Makes empty files, and tells their folder. */
async function files(folder: string, ...names: string[]): Promise<string> {
  for (const name of names) {
    await mkdir(dirname(join(root, folder, name)), { recursive: true });
    await writeFile(join(root, folder, name), '');
  }
  return join(root, folder);
}

const ANNOTATIONS = 'annotations/captions_val2017.json';

describe('one address, however it is named', () => {
  test.each([
    ['a b/100%/c#d', (path: string) => path],
    ['coco', (path: string) => `${path}/`],
    ['coco', () => './coco/../coco'],
    ['coco é', (path: string) => pathToFileURL(path).href],
    ['coco', (path: string) => `FILE://${path}/`],
    ['coco', (path: string) => `${path}/annotations`],
  ])('%s, %s', async (folder, name) => {
    const path = await files(folder, ANNOTATIONS);
    expect((await openDataset(name(path), { cwd: root })).address).toEqual({ kind: 'coco', url: pathToFileURL(path).href });
  });

  test.each([
    ['captions.txt', 'captions', 'captions.txt'],
    ['metadata.jsonl', 'captions', 'metadata.jsonl'],
    ['results.csv', 'captions', 'results.csv'],
    ['train/metadata.csv', 'captions', '*/metadata.csv'],
    ['dataset.json', 'karpathy', 'dataset.json'],
    ['dataset_flickr30k.json', 'karpathy', 'dataset_flickr30k.json'],
  ])('%s is recognised as %s', async (name, kind, captions) => {
    const path = await files(`of ${name.replace('/', ' ')}`, name, 'images/1.jpg');
    const address = { kind, url: pathToFileURL(path).href, captions };
    expect((await openDataset(path)).address).toEqual(address);
    if (!captions.includes('*')) expect((await openDataset(join(path, name))).address).toEqual(address);
  });

  test("what Hugging Face's library writes beside its metadata is no dataset of its own", async () => {
    const path = await files('hugging face', 'metadata.csv', 'dataset_infos.json', 'dataset_info.json', 'dataset_dict.json');
    expect((await openDataset(path)).address).toMatchObject({ kind: 'captions', captions: 'metadata.csv' });
  });

  test('a file of any name with the right extension may be named', async () => {
    const path = await files('own names', 'labels.ndjson', 'all.json');
    expect((await openDataset(join(path, 'labels.ndjson'))).address).toMatchObject({ kind: 'captions', captions: 'labels.ndjson' });
    expect((await openDataset(join(path, 'all.json'))).address).toMatchObject({ kind: 'karpathy', captions: 'all.json' });
  });

  test('the folder of photos is part of the address, in one way of writing', async () => {
    const path = await files('photos beside', 'captions.csv');
    for (const photos of ['a b/c', './a b/c/', 'a b/c//'])
      expect((await openDataset(path, { photos })).address).toMatchObject({ captions: 'captions.csv', photos: 'a b/c' });
  });

  test('synthetic:200 is recognised by its name', async () => {
    expect((await openDataset('synthetic:200')).address).toEqual({ kind: 'synthetic', url: 'synthetic:200' });
  });

  test('how to reach a bucket is no part of the address of a folder', async () => {
    const path = await files('unsigned', ANNOTATIONS);
    const { address } = await openDataset(path, { endpoint: 'http://localhost:9000', unsigned: true });
    expect(address).toEqual({ kind: 'coco', url: pathToFileURL(path).href });
  });
});

describe('what is no dataset', () => {
  test.each(['', 'http://host/coco', 'gs://b', 's3://key:sesame@bucket/p', 'file://host/x'])(
    '%j is refused, and no secret is told',
    async (text) => {
      await expect(openDataset(text)).rejects.toMatchObject({ code: 'USAGE', message: expect.not.stringContaining('sesame') });
    },
  );

  test('a folder of something else: what is there, and what each kind looks like', async () => {
    const path = await files('photos', 'README.md', 'photos/a.jpg', 'photos/b.jpg');
    await expect(openDataset(path)).rejects.toMatchObject({
      code: 'NOT_A_DATASET',
      message: expect.stringContaining('but received README.md, photos/'),
      hint: expect.stringMatching(/coco .*annotations\/captions_<split>\.json[^]*synthetic:N/),
    });
  });

  test('a folder that is not there', async () => {
    await expect(openDataset(join(root, 'absent'))).rejects.toMatchObject({
      code: 'NOT_A_DATASET',
      message: expect.stringContaining('nothing: there is no such folder'),
    });
  });

  test('more than one: all of them are listed, and one may be named', async () => {
    const path = await files('several', ANNOTATIONS, 'dataset_coco.json', 'captions.csv', 'captions.jsonl');
    await expect(openDataset(path)).rejects.toMatchObject({
      code: 'NOT_A_DATASET',
      message: expect.stringContaining(
        '4: annotations (coco), captions.csv (captions), captions.jsonl (captions), dataset_coco.json (karpathy)',
      ),
      hint: expect.stringContaining(`${pathToFileURL(path).href}/captions.jsonl`),
    });
    for (const [name, kind] of [
      ['annotations', 'coco'],
      ['dataset_coco.json', 'karpathy'],
      ['captions.jsonl', 'captions'],
    ] as const)
      expect((await openDataset(join(path, name))).address.kind).toBe(kind);
  });

  test('one captions file in each folder beside another: as it is listed, it may be named', async () => {
    const path = await files('each and all', 'train/metadata.csv', 'test/metadata.csv', 'captions.csv');
    await expect(openDataset(path)).rejects.toMatchObject({
      hint: expect.stringContaining(`'${pathToFileURL(path).href}/*/metadata.csv'`),
    });
    const { address } = await openDataset(join(path, '*/metadata.csv'));
    expect(address).toEqual({ kind: 'captions', url: pathToFileURL(path).href, captions: '*/metadata.csv' });
    const absent = await openDataset(join(path, '*/labels.csv'));
    await expect(absent.scan({ splits: [], strict: false })).rejects.toMatchObject({ code: 'NOT_A_DATASET' });
  });

  test("COCO's zips beside another: the folder of captions that they would be unpacked to means them", async () => {
    const path = await files('zips and captions', 'annotations_trainval2017.zip', 'captions.csv');
    await expect(openDataset(path)).rejects.toMatchObject({ code: 'NOT_A_DATASET' });
    expect((await openDataset(join(path, 'annotations'))).address).toEqual({ kind: 'coco-zip', url: pathToFileURL(path).href });
  });

  test("the archive of captions in a folder that is called as one of COCO's own: the dataset is in that folder", async () => {
    const path = await files('own/zips', 'annotations_trainval2017.zip', 'val2017.zip');
    const address = { kind: 'coco-zip', url: pathToFileURL(path).href };
    expect((await openDataset(path)).address).toEqual(address);
    expect((await openDataset(join(path, 'annotations_trainval2017.zip'))).address).toEqual(address);
    const above = await files('as on the bucket', 'annotations/annotations_trainval2017.zip', 'zips/val2017.zip');
    const within = await openDataset(join(above, 'annotations', 'annotations_trainval2017.zip'));
    expect(within.address).toEqual({ kind: 'coco-zip', url: pathToFileURL(above).href });
  });

  test('the captions of one split of COCO: --split is for that', async () => {
    const path = await files('one split', ANNOTATIONS);
    await expect(openDataset(join(path, ANNOTATIONS))).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('--split val2017'),
    });
  });

  test('--photos where the kind says by itself where they lie, or a folder that is not below the dataset', async () => {
    await expect(openDataset(await files('with photos', ANNOTATIONS), { photos: 'x' })).rejects.toMatchObject({ code: 'USAGE' });
    const path = await files('escaping', 'captions.csv');
    for (const photos of ['../x', '/x', 'a/../../b', '.', ''])
      await expect(openDataset(path, { photos })).rejects.toMatchObject({
        code: 'USAGE',
        message: `Expected a folder below that of the captions file for --photos but received ${JSON.stringify(photos)}`,
      });
  });
});
