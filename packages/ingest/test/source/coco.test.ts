import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode } from '@showtell/shared/errors';
import { openSource } from '@showtell/shared/source/open';
import { prepareRows } from '@showtell/shared/source/prepare-rows';
import { describeData } from '../../../shared/test/conformance';
import { NO_FINDINGS } from '../../../shared/test/no-findings';
import { openDataset } from '../../src/source/open';
import { type CocoAnnotations, writeCocoFixture } from '../coco-fixture';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-coco-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const scan = async (splits: string[] = [], strict = false) => (await openDataset(folder)).scan({ splits, strict });

async function refusal(scanning: Promise<unknown>): Promise<{ code: ErrorCode; message: string; hint: string }> {
  return scanning.then(
    () => {
      throw new Error('Expected a refusal but the scan went well');
    },
    (error: { code: ErrorCode; message: string; hint: string }) => error,
  );
}

/** One split `val` of three photos, whose annotations are edited. */
const oneSplit = (edit: (annotations: CocoAnnotations) => unknown, photos = 3) =>
  writeCocoFixture(folder, [{ name: 'val', photos }], { captionsPerImage: 1, edit });

describe('a sound dataset', () => {
  test('has its splits in order without their years, samples in id order, captions with them', async () => {
    const fixture = await writeCocoFixture(folder, [
      { name: 'val2017', photos: 3 },
      { name: 'train2017', photos: 11 },
    ]);
    const { splits, findings } = await scan([], true);
    expect(findings).toEqual(NO_FINDINGS);
    expect(splits.map(({ split, samples, captions }) => [split, samples.length, captions.length])).toEqual([
      ['train', 11, 22],
      ['val', 3, 6],
    ]);
    expect(splits[1]!.samples.map(({ imageId }) => imageId)).toEqual(fixture.imageIds['val2017']);
    expect(splits[1]!.captions.map(({ imageId }) => imageId)).toEqual(fixture.imageIds['val2017']!.flatMap((id) => [id, id]));
    const first = splits[1]!.samples[0]!;
    expect(first).toEqual({
      imageId: '1000',
      fileName: '000000001000.jpg',
      sourceKey: 'val2017/000000001000.jpg',
      etag: expect.stringMatching(/./),
      bytes: (await readFile(join(folder, 'val2017', '000000001000.jpg'))).length,
      licence: '4',
      url: 'http://example.org/000000001000.jpg',
    });
    expect(await scan()).toEqual({ splits, findings });
  });

  test('may be scanned in part, by names with or without the year', async () => {
    await writeCocoFixture(folder, [
      { name: 'val2017', photos: 2 },
      { name: 'train2017', photos: 2 },
      { name: 'test', photos: 2 },
    ]);
    const names = async (...wanted: string[]) => (await scan(wanted)).splits.map(({ split }) => split);
    expect(await names('val')).toEqual(['val']);
    expect(await names('val2017', 'val', 'test')).toEqual(['test', 'val']);
    expect(await refusal(scan(['val', 'dev']))).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/\(test, train, val\) but received dev/),
    });
  });

  test('of two years of one split, one must be chosen', async () => {
    await writeCocoFixture(folder, [
      { name: 'train2014', photos: 1 },
      { name: 'train2017', photos: 2 },
      { name: 'val2017', photos: 1 },
    ]);
    expect(await refusal(scan())).toMatchObject({
      code: 'NOT_A_DATASET',
      message: expect.stringContaining('annotations/captions_train2014.json and annotations/captions_train2017.json'),
      hint: expect.stringContaining('--split train2014'),
    });
    expect((await scan(['train2017', 'val'])).splits.map(({ split, samples }) => [split, samples.length])).toEqual([
      ['train', 2],
      ['val', 1],
    ]);
  });

  test('keeps odd file names as they are, and they can be read', async () => {
    const names = [
      'a b.jpg',
      '100%.jpg',
      '%41.jpg',
      'q?x=1#y.jpg',
      'caf\u00e9.jpg',
      'cafe\u0301.jpg',
      'TWIN.jpg',
      'twin.jpg',
      'sub/folder.jpg',
      'it\'s "so".jpg',
      '写真.jpg',
      '..jpg',
    ];
    const fixture = await oneSplit(
      ({ images }) => ({ images: images.map((image, index) => ({ ...image, file_name: names[index] })), annotations: [] }),
      names.length,
    );
    await mkdir(join(folder, 'val', 'sub'));
    for (const [index, id] of fixture.imageIds['val']!.entries())
      await rename(join(folder, 'val', `${id.padStart(12, '0')}.jpg`), join(folder, 'val', names[index]!));
    const { splits } = await scan();
    expect(splits[0]!.samples.map(({ fileName }) => fileName)).toEqual(names);
    const reader = openSource((await openDataset(folder)).address);
    for await (const { row, pixels } of prepareRows(reader, splits[0]!.samples, { concurrency: 4 }))
      expect([row.fileName, pixels?.length]).toEqual([row.fileName, 299 * 299 * 3]);
    await reader.close();
  });
});

describe('flaws that are counted', () => {
  test('exact duplicates are dropped', async () => {
    await oneSplit(({ images, annotations }) => ({
      images: [...images, images[1]],
      annotations: [...annotations, annotations[0], annotations[0]],
    }));
    const { splits, findings } = await scan([], true);
    expect(findings).toEqual({ ...NO_FINDINGS, duplicateImages: 1, duplicateCaptions: 2 });
    expect([splits[0]!.samples.length, splits[0]!.captions.length]).toEqual([3, 3]);
  });

  test('two ids of one file are one sample with the captions of both', async () => {
    await oneSplit(({ images, annotations }) => ({
      images: [...images, { ...images[0], id: 77 }],
      annotations: [...annotations, { id: 1, image_id: 77, caption: 'Under the other id.' }],
    }));
    const { splits, findings } = await scan();
    expect(findings.duplicateImages).toBe(1);
    expect(splits[0]!.samples.map(({ imageId }) => imageId)).toEqual(['1000', '1001', '1002']);
    expect(splits[0]!.captions.filter(({ imageId }) => imageId === '1000').map(({ caption }) => caption)).toEqual([
      'A red disc, told 1 times.',
      'Under the other id.',
    ]);
  });

  test('the same caption under two numbers, or under none, is two captions', async () => {
    await oneSplit(({ images }) => ({
      images,
      annotations: [1, 2, undefined, undefined].map((id) => ({ id, image_id: 1000, caption: 'A disc.' })),
    }));
    expect((await scan()).splits[0]!.captions.length).toBe(4);
  });

  test.each([
    [
      'captions without image',
      'captionsWithoutImage',
      ({ annotations }: CocoAnnotations) => annotations.push({ id: 1, image_id: 5, caption: 'Whose?' }),
      'image 5',
    ],
    ['images without caption', 'imagesWithoutCaption', ({ annotations }: CocoAnnotations) => annotations.shift(), 'val/000000001000.jpg'],
    [
      'photos that are not there',
      'imagesMissing',
      ({ images }: CocoAnnotations) => images.push({ id: 1, file_name: '../val/000000001000.jpg' }),
      'val/../val/000000001000.jpg',
    ],
  ] as const)('%s are counted and named; --strict refuses them', async (_name, list, edit, example) => {
    await oneSplit((annotations) => {
      edit(annotations);
      return annotations;
    });
    const { splits, findings } = await scan();
    expect(findings).toEqual({ ...NO_FINDINGS, [list]: { count: 1, examples: [example] } });
    expect(splits[0]!.samples.length).toBe(3);
    expect(await refusal(scan([], true))).toMatchObject({ code: 'STRICT', message: expect.stringContaining(example) });
  });

  test('captions that break the limits are left out, each named; --strict refuses them', async () => {
    const bad = ['', '  ', 'a\0b', '\ud83d', 'x'.repeat(10_001)];
    await oneSplit(({ images, annotations }) => ({
      images,
      annotations: [...annotations, ...bad.map((caption, index) => ({ id: index, image_id: 1000, caption }))],
    }));
    const { splits, findings } = await scan();
    expect(findings.captionsRejected.count).toBe(5);
    expect(findings.captionsRejected.examples[0]).toBe('annotations/captions_val.json: annotations[3]: expected words but received none');
    expect(splits[0]!.captions.length).toBe(3);
    expect(await refusal(scan([], true))).toMatchObject({ code: 'CAPTION_INVALID' });
  });

  test('an absent photo takes its captions with it; bad photos are planned and rejected when they are prepared', async () => {
    const fixture = await writeCocoFixture(folder, [{ name: 'val2014', photos: 6, bad: ['absent', 'truncated', 'not-an-image'] }]);
    const { splits, findings } = await scan();
    expect(findings).toEqual({ ...NO_FINDINGS, imagesMissing: { count: 1, examples: ['val2014/000000001000.jpg'] } });
    expect(splits[0]!.captions.length).toBe(10);
    expect(splits[0]!.samples.map(({ imageId }) => imageId)).toEqual(fixture.imageIds['val2014']);
    const reader = openSource((await openDataset(folder)).address);
    const rejected: unknown[] = [];
    for await (const { rejection } of prepareRows(reader, splits[0]!.samples, { concurrency: 3 })) if (rejection) rejected.push(rejection);
    expect(rejected).toEqual(fixture.rejected.map((one) => ({ ...one, reason: expect.any(String) })));
    await reader.close();
  });

  test('examples end at a hundred, counts do not', async () => {
    await oneSplit(({ images }) => ({
      images,
      annotations: Array.from({ length: 250 }, (_, id) => ({ id, image_id: id, caption: 'Whose?' })),
    }));
    const { captionsWithoutImage } = (await scan()).findings;
    expect([captionsWithoutImage.count, captionsWithoutImage.examples.length]).toEqual([250, 100]);
  });

  test('a split whose photos were not fetched is left out, unless it was asked for', async () => {
    await writeCocoFixture(folder, [
      { name: 'val2017', photos: 2 },
      { name: 'train2017', photos: 3, bad: ['absent', 'absent', 'absent'] },
    ]);
    const { splits, findings } = await scan();
    expect(splits.map(({ split }) => split)).toEqual(['val']);
    expect(findings.imagesMissing.count).toBe(3);
    expect(await refusal(scan(['train', 'val']))).toMatchObject({ code: 'EMPTY_DATASET', message: expect.stringContaining('train2017/') });
  });
});

describe('what is refused', () => {
  test.each([
    [
      'one id for two files',
      ({ images }: CocoAnnotations) => images.push({ id: 1000, file_name: 'other.jpg' }),
      'images[3]: Expected file val/000000001000.jpg for image id 1000',
    ],
    [
      'one caption id for two captions',
      ({ annotations }: CocoAnnotations) => annotations.push({ ...annotations[0], caption: 'Other.' }),
      'annotations[3]',
    ],
    [
      'one caption id for two images',
      ({ annotations }: CocoAnnotations) => annotations.push({ ...annotations[0], image_id: 1001 }),
      'annotations[3]',
    ],
  ] as const)('%s is ID_CONFLICT with file and record', async (_name, edit, message) => {
    await oneSplit((annotations) => {
      edit(annotations);
      return annotations;
    });
    const error = await refusal(scan());
    expect(error).toMatchObject({ code: 'ID_CONFLICT', message: expect.stringContaining(message) });
    expect(error.message).toContain('annotations/captions_val.json');
  });

  test('broken annotations name the file and the place', async () => {
    await oneSplit((annotations) => annotations);
    await writeFile(join(folder, 'annotations', 'captions_val.json'), '{"images": [\n{"id": 1,]}');
    expect(await refusal(scan())).toMatchObject({
      code: 'BROKEN_ANNOTATIONS',
      message: expect.stringContaining('annotations/captions_val.json is not JSON: line 2, column 10'),
    });
  });

  test('annotations without any photo', async () => {
    await writeCocoFixture(folder, [{ name: 'val2017', photos: 2, bad: ['absent', 'absent'] }]);
    expect(await refusal(scan())).toMatchObject({
      code: 'EMPTY_DATASET',
      message: expect.stringContaining('val2017/ named in annotations/captions_val2017.json'),
    });
  });

  test('a split whose name has no letter', async () => {
    await writeCocoFixture(folder, [{ name: '2017', photos: 1 }]);
    expect(await refusal(scan())).toMatchObject({ code: 'NOT_A_DATASET', message: expect.stringContaining('"2017"') });
  });
});

describeData('real COCO photos', ['coco-mini'], (path) => {
  test('are planned without a flaw', async () => {
    const { splits, findings } = await (await openDataset(path)).scan({ splits: [], strict: true });
    expect(findings).toEqual(NO_FINDINGS);
    expect(splits.map(({ split, samples, captions }) => [split, samples.length, captions.length])).toEqual([
      ['train', 80, 400],
      ['val', 159, 795],
    ]);
    expect(splits[1]!.samples[0]).toMatchObject({ imageId: '139', licence: '2', url: expect.stringContaining('staticflickr.com') });
  });
});
