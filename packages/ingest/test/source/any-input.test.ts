import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EXIT, isShowtellError } from '@showtell/shared/errors';
import { isName } from '@showtell/shared/names';
import * as fc from 'fast-check';
import { checkCaption, hasLoneSurrogate, MAX_CAPTION_LENGTH } from '../../src/source/caption-text';
import type { Dataset } from '../../src/source/dataset';
import { openDataset } from '../../src/source/open';

const PHOTOS = ['train/1.png', 'train/2.png', 'val/1.png', '1.png', '2.png', 'images/1.png'];
let folder: string;
let outside: string;
async function write(name: string, body: string | Uint8Array) {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), body);
}
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'showtell-any-'));
  folder = join(outside, 'dataset');
  await mkdir(folder);
  // What no dataset may reach.
  await writeFile(join(outside, 'secret.png'), 'secret');
  for (const photo of PHOTOS) await write(photo, photo);
});
afterEach(() => rm(outside, { recursive: true, force: true }));

/** Scans a dataset of these annotations and a few photos; `undefined` where it was refused, as an error that names what is wrong. */
async function scanned(file: string, content: string | Uint8Array): Promise<Dataset | undefined> {
  await write(file, content);
  try {
    return await (await openDataset(file.startsWith('annotations/') ? folder : join(folder, file))).scan({ splits: [], strict: false });
  } catch (error) {
    if (!isShowtellError(error)) throw error;
    expect(error.exitCode).toBe(EXIT.INPUT);
    expect(error.message.length).toBeLessThan(2_000);
    return undefined;
  }
}

/** What every dataset is that a plan is made of, whatever it was read from. */
function expectSound({ splits, findings }: Dataset): void {
  for (const { split, samples, captions } of splits) {
    expect(isName(split)).toBe(true);
    const ids = samples.map(({ imageId }) => imageId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(samples.length).toBeGreaterThan(0);
    for (const { imageId, sourceKey } of samples) {
      expect(imageId).not.toBe('');
      expect(PHOTOS).toContain(sourceKey);
    }
    for (const { imageId, caption } of captions) {
      expect(ids).toContain(imageId);
      expect(checkCaption(caption)).toEqual({ text: caption });
    }
  }
  expect(findings.captionsRejected.count).toBeGreaterThanOrEqual(0);
}

const text = fc.oneof(
  fc.constantFrom(
    '1.png',
    '2.png',
    './1.png',
    '../secret.png',
    '/etc/passwd',
    'C:\\1.png',
    '..\\secret.png',
    'a\0b',
    '\ud83d',
    '',
    ' ',
    'é',
    'e\u0301',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
);
const id = fc.oneof(fc.constantFrom(1, 2, '1', '2', -1, 1.5, 1e21, null, true), text, fc.maxSafeInteger());
const mostly = (usual: unknown, other: fc.Arbitrary<unknown>) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 8 }, { arbitrary: other, weight: 1 });
const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text);

const cocoImage = fc.record(
  { id: mostly(1, id), file_name: mostly('1.png', text), license: anything, coco_url: anything },
  { requiredKeys: ['id', 'file_name'] },
);
const cocoCaption = fc.record(
  { id: mostly(1, id), image_id: mostly(1, id), caption: mostly('A dog.', anything) },
  { requiredKeys: ['image_id'] },
);
const list = (of: fc.Arbitrary<unknown>) =>
  fc.oneof({ arbitrary: fc.array(of, { maxLength: 4 }), weight: 8 }, { arbitrary: anything, weight: 1 });
const coco = fc
  .record({ images: list(cocoImage), annotations: list(cocoCaption), info: anything }, { requiredKeys: ['images'] })
  .map((value) => JSON.stringify(value));

const karpathy = fc
  .record({
    dataset: anything,
    images: list(
      fc.record(
        {
          imgid: mostly(1, id),
          cocoid: id,
          filename: mostly('1.png', text),
          filepath: mostly('', text),
          split: mostly('train', text),
          sentences: mostly([{ raw: 'A dog.' }], fc.array(fc.oneof(fc.record({ raw: anything }), anything), { maxLength: 3 })),
        },
        { requiredKeys: ['filename', 'split', 'sentences'] },
      ),
    ),
  })
  .map((value) => JSON.stringify(value));

const cell = fc.oneof(text, fc.constantFrom('"', '""', ',', '\n', '\r\n', '"1.png"', '\ufeff', '|', '\t'));
const csv = fc
  .tuple(
    mostly(
      'image,caption',
      fc.array(fc.oneof(fc.constantFrom('image', 'caption', 'split', 'image_id'), cell), { maxLength: 4 }).map((cells) => cells.join(',')),
    ),
    fc.array(
      fc.array(mostly('1.png', cell), { maxLength: 4 }).map((cells) => cells.join(',')),
      { maxLength: 5 },
    ),
  )
  .map(([head, rows]) => [head, ...rows].join('\n'));
const jsonl = fc
  .array(
    fc.oneof(
      fc
        .record(
          { file_name: mostly('1.png', anything), text: mostly('A dog.', anything), split: anything, id: anything },
          { requiredKeys: ['file_name', 'text'] },
        )
        .map((value) => JSON.stringify(value)),
      fc.constantFrom('', '{', '[]', 'null'),
    ),
    { maxLength: 5 },
  )
  .map((lines) => lines.join('\n'));

/** Text, and the same text with bytes of it changed, left out or put in. */
const damaged = (whole: fc.Arbitrary<string>) =>
  fc.oneof(
    { arbitrary: whole.map((made) => Buffer.from(made)), weight: 3 },
    {
      arbitrary: fc
        .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(2)), { minLength: 1, maxLength: 4 }))
        .map(([made, changes]) => {
          const bytes = [...Buffer.from(made)];
          for (const [at, byte, cut] of changes) bytes.splice(at % (bytes.length + 1), cut, byte);
          return Buffer.from(bytes);
        }),
      weight: 1,
    },
  );

test.each([
  ['COCO annotations', 'annotations/captions_train.json', coco],
  ["Karpathy's file", 'dataset_k.json', karpathy],
  ['rows', 'captions.csv', csv],
  ['JSON lines', 'metadata.jsonl', jsonl],
])('whatever stands in %s, it is a sound dataset or is refused', async (_kind, file, content) => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(damaged(content), async (body) => {
      const dataset = await scanned(file, body);
      if (dataset === undefined) return;
      taken += 1;
      expectSound(dataset);
    }),
    { numRuns: 100 },
  );
  // Not everything was refused.
  expect(taken).toBeGreaterThan(0);
});

test('whatever a caption is, it is kept as composed text within the limits, or what is wrong is said', () => {
  const caption = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('e\u0301', '\ud83d', '\udc3b', '\0', ' ', '\u00a0', '\u200f', 'ﷺ') }),
  );
  fc.assert(
    fc.property(caption, fc.integer({ min: 1, max: 40 }), (piece, times) => {
      const given = piece.repeat(times * (piece.length > 200 ? 40 : 1));
      const checked = checkCaption(given);
      if ('problem' in checked) {
        expect(
          given === '' || /^\s*$/u.test(given) || given.length > MAX_CAPTION_LENGTH || given.includes('\0') || hasLoneSurrogate(given),
        ).toBe(true);
        expect(checked.problem).toMatch(/^expected /);
        return;
      }
      expect(checked.text).toBe(given.normalize('NFC'));
      // It comes back as it is from the UTF-8 of an Arrow file, and again from a second check.
      expect(Buffer.from(checked.text).toString()).toBe(checked.text);
      expect(checkCaption(checked.text)).toEqual({ text: checked.text });
    }),
    { numRuns: 500 },
  );
});
