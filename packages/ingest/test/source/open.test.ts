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
});
