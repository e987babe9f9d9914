import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scoreCaptions } from '@showtell/trainer/evaluation/scores';
import { tokenize } from '@showtell/trainer/evaluation/tokenizer';
import { scoreCaptionFiles } from '../../src/score/score-files';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-score-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const CANDIDATES = [
  { image_id: 7, caption: "A dog's bone." },
  { image_id: 12, caption: 'two men run' },
];
const REFERENCES = [
  { image_id: 7, caption: "The dog's white bone" },
  { image_id: 12, caption: 'Two men are running.' },
  { image_id: 7, caption: 'a bone' },
];
const expected = scoreCaptions(
  CANDIDATES.map(({ image_id, caption }) => ({
    imageId: String(image_id),
    candidate: tokenize(caption),
    references: REFERENCES.filter((reference) => reference.image_id === image_id).map((reference) => tokenize(reference.caption)),
  })),
);

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' || content instanceof Buffer ? content : JSON.stringify(content));
  return path;
}
const lines = (records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');
const score = (candidates: unknown, references: unknown = REFERENCES) =>
  scoreCaptionFiles({ candidates: file('made.json', candidates), references: file('true.json', references) });

/** The error's code, and its message without the folder. */
async function refusal(candidates: unknown, references: unknown = REFERENCES): Promise<string> {
  const error = await score(candidates, references).catch((thrown: { code: string; message: string }) => thrown);
  return 'code' in error ? `${error.code} ${error.message.replaceAll(`${folder}/`, '')}` : 'none';
}

const annotations = (records: readonly object[]) => ({
  info: { annotations: [1], year: 2017 },
  images: [{ id: 7, file_name: 'x.jpg', image_id: 3, caption: 'none' }],
  annotations: records.map((record, id) => ({ id, ...record, bbox: [[1], { image_id: 9 }] })),
  licenses: [{ id: 1 }],
});

test.each<[string, unknown, unknown]>([
  ['COCO results and lists', CANDIDATES, REFERENCES],
  ['COCO results and annotations', CANDIDATES, annotations(REFERENCES)],
  ['annotations on both sides, spread over lines', JSON.stringify(annotations(CANDIDATES), null, 2), annotations(REFERENCES)],
  ['JSON lines', lines(CANDIDATES), `${lines(REFERENCES)}\n`],
  ['JSON lines with blank lines and line ends of Windows', lines(CANDIDATES).replace('\n', '\r\n\r\n'), `\ufeff${lines(REFERENCES)}`],
  ['numbers on one side and text on the other', CANDIDATES.map((record) => ({ ...record, image_id: String(record.image_id) })), REFERENCES],
])('%s', async (_, candidates, references) => {
  expect(await score(candidates, references)).toEqual({ ...expected, unscored: 0, wordless: 0 });
});

test('only images with a candidate are scored', async () => {
  const more = [...REFERENCES, { image_id: 1, caption: 'a cat' }, { image_id: 1, caption: 'the cat' }, { image_id: 2, caption: '' }];
  expect(await score(CANDIDATES, more)).toEqual({ ...expected, unscored: 2, wordless: 0 });
});

test('a candidate without a word scores 0, as in coco-caption', async () => {
  const { images, wordless } = await score([CANDIDATES[0], { image_id: 12, caption: ' .' }]);
  expect(wordless).toBe(1);
  expect(images[1]).toEqual({ imageId: '12', Bleu_1: 0, Bleu_2: 0, Bleu_3: 0, Bleu_4: 0, ROUGE_L: 0, CIDEr: 0 });
});

test('large numbers are different images to their last digit', async () => {
  const long = (id: string) => `{"image_id": ${id}, "caption": "a dog"}`;
  expect(await refusal(long('12345678901234567891'), `[${long('12345678901234567892')}]`)).toBe(
    'BROKEN_ANNOTATIONS made.json: record 1: Expected references in true.json for every candidate but received none for image 12345678901234567891',
  );
});

test.each<[string, unknown, unknown, string]>([
  ['an empty file', '', REFERENCES, 'BROKEN_ANNOTATIONS Expected captions in made.json but the file is empty'],
  ['no candidates', [], REFERENCES, 'EMPTY_DATASET Expected captions to score in made.json but received none'],
  [
    'a list that ends early',
    '[{"image_id": 1,\n "caption": "a dog"}',
    REFERENCES,
    "BROKEN_ANNOTATIONS made.json is not JSON: line 2, column 21: expected ','",
  ],
  [
    'a line that is no JSON',
    `${lines(CANDIDATES)}\nhello`,
    REFERENCES,
    'BROKEN_ANNOTATIONS made.json is not JSON: line 3, column 1: expected a value',
  ],
  ['other bytes than UTF-8', Buffer.from([0x22, 0xff, 0x22]), REFERENCES, 'BROKEN_ANNOTATIONS made.json is not UTF-8 text: line 1'],
  ['a list of text', ['a dog'], REFERENCES, 'BROKEN_ANNOTATIONS made.json: record 1: Expected an object but received "a dog"'],
  ['two lists', '[]\n[]', REFERENCES, 'BROKEN_ANNOTATIONS Expected nothing after the list of made.json but received a list'],
  [
    'an object of something else',
    { metrics: {} },
    REFERENCES,
    'BROKEN_ANNOTATIONS made.json: record 1: Expected an integer or text for image_id but received nothing',
  ],
  [
    'half a number',
    [{ image_id: 1.5, caption: 'x' }],
    REFERENCES,
    'BROKEN_ANNOTATIONS made.json: record 1: Expected an integer or text for image_id but received 1.5',
  ],
  [
    'a caption that is no text',
    [...CANDIDATES, { image_id: 1, caption: ['x'] }],
    REFERENCES,
    'BROKEN_ANNOTATIONS made.json: record 3: Expected text for caption but received a list',
  ],
  [
    'an image twice',
    [...CANDIDATES, { image_id: '7', caption: 'x' }],
    REFERENCES,
    'BROKEN_ANNOTATIONS made.json: record 3: Expected one caption for image 7 but received another than in made.json: record 1',
  ],
  [
    'candidates without references',
    CANDIDATES,
    [REFERENCES[0]],
    'BROKEN_ANNOTATIONS made.json: record 2: Expected references in true.json for every candidate but received none for image 12',
  ],
  [
    'a reference without a word',
    CANDIDATES,
    [...REFERENCES, { image_id: 7, caption: '...' }],
    'CAPTION_INVALID true.json: record 4: Expected words in a reference of image 7 but received "..."',
  ],
])('%s', async (_, candidates, references, message) => expect(await refusal(candidates, references)).toBe(message));

test('many candidates without references: the first are named', async () => {
  const many = Array.from({ length: 9 }, (_, id) => ({ image_id: id + 100, caption: 'x' }));
  expect(await refusal(many)).toMatch(/none for images 100, 101, 102, 103, 104 and 4 more$/);
});

test('no such file', async () => {
  await expect(scoreCaptionFiles({ candidates: join(folder, 'absent.json'), references: folder })).rejects.toMatchObject({ code: 'USAGE' });
  await expect(scoreCaptionFiles({ candidates: folder, references: folder })).rejects.toMatchObject({ code: 'FILE_DENIED' });
});
