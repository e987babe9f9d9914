import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '../../src/source/open';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-karpathy-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SOUND = { filename: '1.jpg', filepath: 'val2014', split: 'restval', cocoid: 5, imgid: 0, sentences: [{ raw: 'One', sentid: 1 }] };

async function scan(content: unknown) {
  await writeFile(join(folder, 'dataset_coco.json'), typeof content === 'string' ? content : JSON.stringify(content));
  await mkdir(join(folder, 'images'), { recursive: true });
  await writeFile(join(folder, 'images', '1.jpg'), '1');
  return (await openDataset(folder)).scan({ splits: [], strict: false });
}

test('COCO has its own numbers and names, and photos may lie flat', async () => {
  const { splits } = await scan({ images: [SOUND], dataset: 'coco' });
  expect(splits.map(({ split }) => split)).toEqual(['restval']);
  expect(splits[0]!.samples).toMatchObject([{ imageId: '5', fileName: '1.jpg', sourceKey: 'images/1.jpg', bytes: 1 }]);
});

test('sentences that stand twice under one number count once', async () => {
  const { findings, splits } = await scan({ images: [{ ...SOUND, sentences: [...SOUND.sentences, ...SOUND.sentences] }] });
  expect([findings.duplicateCaptions, splits[0]!.captions.length]).toEqual([1, 1]);
});

test.each([
  [
    'COCO annotations',
    { images: [{ id: 1, file_name: '1.jpg' }], annotations: [] },
    /images\[0\]: Expected text of 1 to 4096 characters for split but received nothing/,
  ],
  ['no images', { dataset: 'coco' }, /Expected a list "images" in dataset_coco\.json but received none/],
  ['an empty list', { images: [] }, /Expected records in dataset_coco\.json but received none/],
  ['images that are no list', { images: {} }, /Expected a list for "images" .* but received an object/],
  ['two lists', '{"images":[],"images":[]}', /one list "images"/],
  ['a list', [SOUND], /Expected an object in dataset_coco\.json but received a list/],
  ['no JSON', '{"images": [{]}', /dataset_coco\.json is not JSON: line 1, column 14/],
  ['no number', { images: [{ ...SOUND, cocoid: undefined, imgid: undefined }] }, /for imgid but received nothing/],
  ['no sentences', { images: [{ ...SOUND, sentences: undefined }] }, /images\[0\]: Expected a list for sentences but received nothing/],
  [
    'tokens without the sentence',
    { images: [SOUND, { ...SOUND, sentences: [{ tokens: ['a'] }] }] },
    /images\[1\]: sentences\[0\]: Expected text for raw/,
  ],
  ['a path upwards', { images: [{ ...SOUND, filepath: '../val2014' }] }, /images\[0\]: Expected a path below/],
])('%s is BROKEN_ANNOTATIONS with the place', async (_name, content, message) => {
  await expect(scan(content)).rejects.toMatchObject({ code: 'BROKEN_ANNOTATIONS', message: expect.stringMatching(message) });
});
