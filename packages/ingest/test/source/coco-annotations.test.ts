import { Readable } from 'node:stream';
import { ShowtellError } from '@showtell/shared/errors';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import * as fc from 'fast-check';
import type { CaptionRecord, ImageRecord } from '../../src/source/annotation-records';
import { readAnnotations } from '../../src/source/coco-annotations';

const KEY = 'annotations/captions_val.json';

/** A store that has one object, in pieces of `size` bytes. */
function storeOf(content: string | Buffer, size = 7): ObjectStore {
  const bytes = Buffer.from(content);
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
  return { url: 'file:///d', stream: async () => Readable.from(pieces) } as unknown as ObjectStore;
}

async function read(content: string | Buffer, size?: number) {
  const images: ImageRecord[] = [];
  const captions: CaptionRecord[] = [];
  const places: string[] = [];
  const note =
    <T>(list: T[]) =>
    (record: T, where: () => string) => {
      list.push(record);
      places.push(where());
    };
  await readAnnotations(storeOf(content, size), KEY, { image: note(images), caption: note(captions) });
  return { images, captions, places };
}

const image = { id: 1, file_name: 'a.jpg' };
const whole = (images: unknown, annotations: unknown) => JSON.stringify({ images, annotations });

test('images and captions are read, in either order, and the rest is skipped', async () => {
  const content = `\ufeff{"info": {"images": [{"id": 0}]}, "annotations": [{"id": 5, "image_id": 1, "caption": "é \\ud83d\\udc3b", "segmentation": [[1, {"caption": "no"}]]},
    {"image_id": "x", "caption": ""}], "categories": [[{"id": 3}], null], "images": [{"file_name": "a/b c.jpg", "id": 1, "license": 4, "extra": {"id": 7},
    "coco_url": "http://c", "flickr_url": "http://f"}, {"id": "x", "file_name": "é%#.jpg", "license": null, "coco_url": "http://c"}], "licenses": []}`;
  for (const size of [1, 2, 3, 64, 100_000])
    expect(await read(content, size)).toEqual({
      captions: [
        { id: '5', imageId: '1', caption: 'é 🐻' },
        { id: undefined, imageId: 'x', caption: '' },
      ],
      images: [
        { id: '1', fileName: 'a/b c.jpg', licence: '4', url: 'http://f' },
        { id: 'x', fileName: 'é%#.jpg', licence: '', url: 'http://c' },
      ],
      places: [`${KEY}: annotations[0]`, `${KEY}: annotations[1]`, `${KEY}: images[0]`, `${KEY}: images[1]`],
    });
});

test('no digit of a large id is lost', async () => {
  const { images, captions } = await read(
    '{"images": [{"id": 9007199254740993123, "file_name": "a"}], "annotations": [{"image_id": 9007199254740993123, "caption": "c"}]}',
  );
  expect(images[0]!.id).toBe('9007199254740993123');
  expect(captions[0]!.imageId).toBe('9007199254740993123');
});

test('any records that JSON can hold are read as they are, wherever the file is cut into pieces', async () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !text.includes('\0'));
  const records = fc.array(
    fc.record({ id: fc.oneof(fc.maxSafeInteger(), name), file_name: name, license: fc.nat(9), coco_url: fc.webUrl() }),
    { maxLength: 8 },
  );
  const captions = fc.array(
    fc.record({ id: fc.maxSafeInteger(), image_id: fc.maxSafeInteger(), caption: fc.string({ unit: 'binary' }), more: fc.jsonValue() }),
    {
      maxLength: 8,
    },
  );
  await fc.assert(
    fc.asyncProperty(records, captions, fc.integer({ min: 1, max: 50 }), async (images, annotations, size) => {
      const found = await read(whole(images, annotations), size);
      expect(found.images).toEqual(
        images.map(({ id, file_name, license, coco_url }) => ({
          id: String(id),
          fileName: file_name,
          licence: String(license),
          url: coco_url,
        })),
      );
      expect(found.captions).toEqual(
        annotations.map(({ id, image_id, caption }) => ({ id: String(id), imageId: String(image_id), caption })),
      );
    }),
    { numRuns: 60 },
  );
});

test.each([
  ['nothing', '', 'line 1, column 1'],
  ['a page that says 404', '<html>\n<body>', 'line 1, column 1'],
  ['a file that ends early', whole([image], []).slice(0, -10), 'line 1, column'],
  ['a comma too many', '{"images": [],\n "annotations": [\n  {"id": 1,}]}', 'line 3, column 12'],
  ['a second value', `${whole([], [])} {}`, 'line 1, column'],
  ['NaN', '{"images": [{"id": NaN}], "annotations": []}', 'line 1, column 20'],
  [
    'bytes that are no UTF-8',
    Buffer.concat([Buffer.from('{"images": [{"file_name": "'), Buffer.of(0xe9, 0x2e), Buffer.from('"}]}')]),
    'UTF-8',
  ],
  ['a list', '[]', 'Expected an object in'],
  ['a number', '3', 'Expected an object in'],
  ['no images', '{"annotations": []}', 'Expected a list "images"'],
  ['no annotations', '{"images": []}', 'Expected a list "annotations"'],
  ['images twice', '{"images": [], "images": [], "annotations": []}', 'second'],
  ['images as an object', '{"images": {"1": {}}, "annotations": []}', 'Expected a list for "images"'],
  ['images as null', '{"images": null, "annotations": []}', 'Expected a list for "images"'],
  ['an image that is no object', whole([image, 7], []), 'images[1]: Expected an object but received 7'],
  ['an image without id', whole([image, { file_name: 'a' }], []), 'images[1]: Expected an integer or text for id but received nothing'],
  ['an id that is no integer', whole([{ ...image, id: 1.5 }], []), 'images[0]: Expected an integer or text for id but received 1.5'],
  ['an id that is a list', whole([{ ...image, id: [1] }], []), 'images[0]: Expected an integer or text for id but received a list'],
  [
    'an image without a file name',
    whole([{ id: 1 }], []),
    'images[0]: Expected text of 1 to 4096 characters for file_name but received nothing',
  ],
  ['an empty file name', whole([{ id: 1, file_name: '' }], []), 'images[0]'],
  ['a file name with NUL', whole([{ id: 1, file_name: 'a\0' }], []), 'images[0]'],
  ['half a surrogate pair in an id', '{"images": [{"id": "\\ud83d", "file_name": "a"}], "annotations": []}', 'images[0]'],
  ['a caption without image id', whole([], [{ id: 1, caption: 'a' }]), 'annotations[0]: Expected an integer or text for image_id'],
  ['a caption that is no text', whole([], [{ image_id: 1, caption: 3 }]), 'annotations[0]: Expected text for caption but received 3'],
  [
    'a second record that lacks what the first had',
    whole([], [{ image_id: 1, caption: 'a' }, { image_id: 1 }]),
    'annotations[1]: Expected text for caption but received nothing',
  ],
])('%s is BROKEN_ANNOTATIONS, saying where', async (_name, content, message) => {
  const error = await read(content).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'BROKEN_ANNOTATIONS', message: expect.stringContaining(message) });
  expect((error as Error).message).toContain(KEY);
});

describe('what no memory could hold', () => {
  const repeated = (piece: string, times: number, before = '', after = '') =>
    ({
      url: '',
      stream: async () =>
        Readable.from(
          (function* () {
            yield Buffer.from(before);
            for (let count = 0; count < times; count++) yield Buffer.from(piece);
            yield Buffer.from(after);
          })(),
        ),
    }) as unknown as ObjectStore;
  const handlers = { image: () => undefined, caption: () => undefined };
  const piece = 'x'.repeat(2 ** 16);

  test.each([
    ['a text without end', repeated(piece, 2_000, '{"images": [{"id": "'), 'at most 33554432 characters'],
    [
      'a text of escapes without end',
      repeated(`\\"${'x'.repeat(254)}`.repeat(2 ** 8), 2_000, '{"images": [{"id": "'),
      'at most 33554432 characters',
    ],
    ['a key without end', repeated(piece, 2_000, '{"'), 'at most 33554432 characters'],
    ['a number without end', repeated('7'.repeat(2 ** 16), 2_000, '{"images": [{"id": '), 'at most 33554432 characters'],
    ['spaces without end', repeated(' '.repeat(2 ** 16), 2_000, '{"images": ['), 'at most 33554432 characters'],
    ['lists within lists without end', repeated('['.repeat(2 ** 16), 2_000, '{"info": '), 'at most 1000 lists'],
  ])('%s is refused before it is in memory', async (_name, store, message) => {
    await expect(readAnnotations(store, KEY, handlers)).rejects.toMatchObject({
      code: 'BROKEN_ANNOTATIONS',
      message: expect.stringMatching(`^${KEY}: .*${message}`),
    });
  });

  test('of a record with any number of fields those that are needed are kept', async () => {
    const fields = Array.from({ length: 4_000 }, (_, index) => `"field ${index}": ${index},`).join('');
    const images: ImageRecord[] = [];
    const store = repeated(fields, 20, '{"images": [{"file_name": "a",', '"id": 3}], "annotations": []}');
    await readAnnotations(store, KEY, { ...handlers, image: (record) => images.push(record) });
    expect(images).toEqual([{ id: '3', fileName: 'a', licence: '', url: '' }]);
  });
});

test('what the store or a handler throws comes through as it is', async () => {
  const down = new ShowtellError('STORE_UNREACHABLE', 'down');
  const failing = {
    url: '',
    stream: async () =>
      Readable.from(
        (function* () {
          yield Buffer.from('{"images": [');
          throw down;
        })(),
      ),
  } as unknown as ObjectStore;
  const handlers = { image: () => undefined, caption: () => undefined };
  await expect(readAnnotations(failing, KEY, handlers)).rejects.toBe(down);
  const conflict = new ShowtellError('ID_CONFLICT', 'two');
  const image_ = () => {
    throw conflict;
  };
  await expect(readAnnotations(storeOf(whole([image], [])), KEY, { ...handlers, image: image_ })).rejects.toBe(conflict);
});

test('aborting stops the reading with the reason', async () => {
  const controller = new AbortController();
  const reason = new ShowtellError('INTERRUPTED', 'stop');
  const image_ = () => controller.abort(reason);
  const endless = (function* () {
    yield Buffer.from('{"images": [');
    for (;;) yield Buffer.from('{"id": 1, "file_name": "a"},');
  })();
  const store = { url: '', stream: async () => Readable.from(endless) } as unknown as ObjectStore;
  await expect(readAnnotations(store, KEY, { image: image_, caption: () => undefined }, controller.signal)).rejects.toBe(reason);
});
