import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Dataset } from '../../src/source/dataset';
import { openDataset } from '../../src/source/open';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-captions-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes a captions file, and photos with their names as content, and scans them. */
async function scan(
  file: string,
  content: string | Buffer,
  photos: readonly string[] = [],
  more: { splits?: string[]; photos?: string } = {},
) {
  for (const [name, body] of [[file, content] as const, ...photos.map((photo) => [photo, photo] as const)]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), body);
  }
  const source = await openDataset(join(folder, file), more.photos === undefined ? {} : { photos: more.photos });
  return source.scan({ splits: more.splits ?? [], strict: false });
}

/** Split, image id, key and captions of every sample. */
const told = ({ splits }: Dataset) =>
  splits.flatMap(({ split, samples, captions }) =>
    samples.map(({ imageId, sourceKey }) => [
      split,
      imageId,
      sourceKey,
      ...captions.filter((row) => row.imageId === imageId).map(({ caption }) => caption),
    ]),
  );

describe('as it comes', () => {
  test("Kaggle's Flickr8k: captions.txt beside Images/", async () => {
    const text = 'image,caption\n10_a.jpg,A dog , running .\n10_a.jpg,"A dog , running ."\n9_b.jpg,"A ""big"" cat"\n';
    expect(
      told(await scan('captions.txt', text.replace('A dog , running .\n', 'A dog runs .\n'), ['Images/10_a.jpg', 'Images/9_b.jpg'])),
    ).toEqual([
      ['train', '10_a', 'Images/10_a.jpg', 'A dog runs .', 'A dog , running .'],
      ['train', '9_b', 'Images/9_b.jpg', 'A "big" cat'],
    ]);
  });

  test('Flickr30k: results.csv with |, padding, quotes that are none, and its one row without a delimiter', async () => {
    const text =
      'image_name| comment_number| comment\n1.jpg| 0| A man in a " hat " , smiling .\n1.jpg| 1| " Stop " says a sign .\n1.jpg| 4   A dog runs .\n';
    const dataset = await scan('results.csv', text, ['flickr30k_images/1.jpg'], { photos: 'flickr30k_images' });
    expect(told(dataset)).toEqual([['train', '1', 'flickr30k_images/1.jpg', 'A man in a " hat " , smiling .', '" Stop " says a sign .']]);
    expect(dataset.findings.captionsRejected).toEqual({
      count: 1,
      examples: [expect.stringMatching(/^results\.csv: line 4: expected 3 cells but received 2/)],
    });
  });

  test.each([
    ['CRLF', 'file_name,caption\r\na.jpg,One\r\nb.jpg,Two'],
    ['old line ends', 'file_name,caption\ra.jpg,One\rb.jpg,Two\r'],
    ['a byte order mark', '\ufefffile_name,caption\na.jpg,One\nb.jpg,Two\n'],
    ['semicolons', 'file_name;caption\na.jpg;One\nb.jpg;Two\n'],
    ['quoted names of columns, in capitals', '"File-Name","CAPTION"\n"a.jpg","One"\n"b.jpg","Two"\n'],
    ['empty lines', 'file_name,caption\n\na.jpg,One\n\n\nb.jpg,Two\n\n'],
    ['a delimiter in the name of a column', 'file_name,"caption","who, and when"\na.jpg,One,x\nb.jpg,Two,"y, z"\n'],
    ['empty cells below the last one, as spreadsheets have them', 'file_name;caption\r\na.jpg;One\r\nb.jpg;Two\r\n;\r\n ; \r\n'],
    ['further columns, one without a name', ',caption,file_name,x\n0,One,a.jpg,\n1,Two,b.jpg,?\n'],
  ])('rows with %s', async (_name, text) => {
    expect(told(await scan('captions.csv', text, ['a.jpg', 'b.jpg']))).toEqual([
      ['train', 'a', 'a.jpg', 'One'],
      ['train', 'b', 'b.jpg', 'Two'],
    ]);
  });

  test('quoted captions may have line ends in them', async () => {
    const dataset = await scan('captions.csv', 'image,caption\na.jpg,"One,\r\ntwo"\n', ['a.jpg']);
    expect(told(dataset)).toEqual([['train', 'a', 'a.jpg', 'One,\r\ntwo']]);
  });

  test('a row of too many or too few cells is left out and named, wherever its file name would be; ids and splits stay whole', async () => {
    const text = 'split,id,caption,image\nval,1,One,a.jpg\nval,1,Two, and more,a.jpg\nval,2,b.jpg\nval,3,Three,c.jpg\n';
    const dataset = await scan('captions.csv', text, ['a.jpg', 'b.jpg', 'c.jpg']);
    expect(told(dataset)).toEqual([
      ['val', '1', 'a.jpg', 'One'],
      ['val', '3', 'c.jpg', 'Three'],
    ]);
    expect(dataset.findings.captionsRejected).toEqual({
      count: 2,
      examples: [
        'captions.csv: line 3: expected 4 cells but received 5; a cell with "," in it stands in quotes',
        'captions.csv: line 4: expected 4 cells but received 3; a cell with "," in it stands in quotes',
      ],
    });
  });

  test('JSON lines with one caption, a list or none', async () => {
    const lines = [
      { file_name: 'a.jpg', text: 'One' },
      { text: ['Two', 'Three'], file_name: 'b.jpg' },
      { file_name: 'c.jpg', text: null },
    ];
    const dataset = await scan('metadata.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'), ['a.jpg', 'b.jpg', 'c.jpg']);
    expect(told(dataset)).toEqual([
      ['train', 'a', 'a.jpg', 'One'],
      ['train', 'b', 'b.jpg', 'Two', 'Three'],
      ['train', 'c', 'c.jpg'],
    ]);
    expect(dataset.findings.imagesWithoutCaption).toEqual({ count: 1, examples: ['c.jpg'] });
  });
});

describe('ids and splits', () => {
  const SAME_NAMES = 'image,caption\ntrain/1.jpg,One\nval2017/1.jpg,Two\n';

  test('files of one name have their paths for ids, whichever splits are taken', async () => {
    const photos = ['train/1.jpg', 'val2017/1.jpg'];
    expect(told(await scan('captions.csv', SAME_NAMES, photos))).toEqual([
      ['train', 'train/1.jpg', 'train/1.jpg', 'One'],
      ['val', 'val2017/1.jpg', 'val2017/1.jpg', 'Two'],
    ]);
    expect(told(await scan('captions.csv', SAME_NAMES, photos, { splits: ['val2017'] })).map(([, id]) => id)).toEqual(['val2017/1.jpg']);
  });

  test('folders count as splits only when all photos lie in such folders', async () => {
    const dataset = await scan('captions.csv', `${SAME_NAMES}cats/2.jpg,Three\n`, ['train/1.jpg', 'val2017/1.jpg', 'cats/2.jpg']);
    expect(dataset.splits.map(({ split, samples }) => [split, samples.length])).toEqual([['train', 3]]);
  });

  test('a split column says it, in any case and with years', async () => {
    const text = 'image,split,caption\na.jpg,Train,One\nb.jpg,train2014,Two\nc.jpg,restval,Three\n';
    const dataset = await scan('captions.csv', text, ['a.jpg', 'b.jpg', 'c.jpg']);
    expect(dataset.splits.map(({ split, samples }) => [split, samples.length])).toEqual([
      ['restval', 1],
      ['train', 2],
    ]);
    const chosen = await scan('captions.csv', text, [], { splits: ['train2014'] });
    expect(told(chosen)).toEqual([['train', 'b', 'b.jpg', 'Two']]);
  });

  test('of a photo that lies beside the captions and in images/, the first is taken', async () => {
    expect(told(await scan('captions.csv', 'image,caption\nx.jpg,One\n', ['Images/x.jpg', 'images/x.jpg', 'x.jpg']))).toEqual([
      ['train', 'x', 'x.jpg', 'One'],
    ]);
  });
});

describe('what is refused, with the place', () => {
  test.each([
    [
      'no column of captions',
      'captions.csv',
      'image,label\na.jpg,1\n',
      /file_name, filename, .*caption, captions, .* in captions\.csv but received "image", "label"/,
    ],
    ['no column of files', 'captions.tsv', 'caption\tid\nOne\t1\n', /received "caption", "id"/],
    ['an empty file', 'captions.csv', '', /received none/],
    [
      'fields without a file name',
      'm.jsonl',
      '{"file_name":"a.jpg","text":"One"}\n{"text":"Two"}',
      /m\.jsonl: record 2 but received "text"/,
    ],
    [
      'no row that can be read',
      'captions.csv',
      'image,caption\na.jpg,One, two\n',
      /captions\.csv: line 2: expected 2 cells but received 3/,
    ],
    ['UTF-16', 'captions.csv', Buffer.from('\ufeffimage,caption\n', 'utf16le'), /captions\.csv is UTF-16 text/],
    [
      'Latin-1',
      'captions.csv',
      Buffer.from('image,caption\na.jpg,One\nb.jpg,caf\xe9\n', 'latin1'),
      /captions\.csv is not UTF-8 text: line 3/,
    ],
    [
      'Latin-1 in JSON lines',
      'm.jsonl',
      Buffer.from('{"image":"a.jpg","text":"caf\xe9"}\n', 'latin1'),
      /m\.jsonl is not UTF-8 text: line 1/,
    ],
    ['a quote that nothing closes', 'captions.csv', 'image,caption\na.jpg,"One\nb.jpg,Two\n', /captions\.csv: .*quote.*line/i],
    ['a row without end', 'captions.csv', `image,caption\na.jpg,"${'x'.repeat(2 ** 24)}`, /captions\.csv: Max Record Size/],
    ['broken JSON', 'm.jsonl', '{"image":"a.jpg","text":"One"}\n{"image":}\n', /m\.jsonl is not JSON: line 2, column 10/],
    ['a list of records', 'm.jsonl', '[{"image":"a.jpg","text":"One"}]', /m\.jsonl: record 1: Expected an object but received a list/],
    ['a path upwards', 'captions.csv', 'image,caption\n../a.jpg,One\n', /captions\.csv: line 2: Expected a path below .*"\.\.\/a\.jpg"/],
    ['a hidden path upwards', 'm.jsonl', '{"image":"a\\\\..\\\\..\\\\b.jpg","text":"One"}', /record 1: Expected a path below/],
    ['an absolute path', 'captions.csv', 'image,caption\n/etc/passwd,One\n', /line 2: Expected a path below/],
    ['a path with a drive', 'captions.csv', 'image,caption\nC:\\photos\\a.jpg,One\n', /line 2: Expected a path below/],
    ['no file name', 'captions.csv', 'image,caption\na.jpg,One\n,Two\n', /line 3: Expected text of 1 to 4096 characters for the file name/],
    [
      'a caption that is a number of things',
      'm.jsonl',
      '{"image":"a.jpg","text":{"en":"One"}}',
      /record 1: Expected text for a caption but received an object/,
    ],
    [
      'ids of some photos only',
      'm.jsonl',
      '{"image":"a.jpg","id":1,"text":"One"}\n{"image":"b.jpg","text":"Two"}',
      /m\.jsonl: record 2: Expected an image id for b\.jpg/,
    ],
    [
      'splits of some photos only',
      'm.jsonl',
      '{"image":"a.jpg","split":"val","text":"One"}\n{"image":"b.jpg","text":"Two"}',
      /m\.jsonl: record 2: Expected a split for b\.jpg/,
    ],
    [
      'a record without end',
      'm.jsonl',
      `{"image":"a.jpg","text":[${'"x",'.repeat(120_000)}"x"]}`,
      /record 1: Expected at most 100000 values/,
    ],
  ])('%s', async (_name, file, content, message) => {
    await expect(scan(file, content, ['a.jpg', 'b.jpg'])).rejects.toMatchObject({
      code: 'BROKEN_ANNOTATIONS',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });

  test('one photo in two splits', async () => {
    await expect(scan('captions.csv', 'image,split,caption\na.jpg,train,One\na.jpg,val,Two\n', ['a.jpg'])).rejects.toMatchObject({
      code: 'ID_CONFLICT',
      message: 'captions.csv: line 3: Expected split train for a.jpg, as before, but received val',
    });
  });

  test('one id of two photos', async () => {
    await expect(scan('captions.csv', 'image,id,caption\na.jpg,1,One\nb.jpg,1,Two\n', ['a.jpg'])).rejects.toMatchObject({
      code: 'ID_CONFLICT',
      message: 'captions.csv: line 3: Expected file a.jpg for image id 1, as before, but received b.jpg',
    });
  });

  test('a file of column names alone', async () => {
    await expect(scan('captions.csv', 'image,caption\n', ['a.jpg'])).rejects.toMatchObject({
      code: 'EMPTY_DATASET',
      message: 'Expected photos in captions.csv but received a file that names none',
    });
  });

  test('photos that lie elsewhere: the hint says where', async () => {
    await expect(scan('captions.csv', 'image,caption\na.jpg,One\n', ['pictures/all/a.jpg'])).rejects.toMatchObject({
      code: 'EMPTY_DATASET',
      message: expect.stringContaining('such as a.jpg'),
      hint: 'There are some in pictures/all/: --photos pictures/all',
    });
  });

  test('photos that are not in the folder that was named: it is told', async () => {
    const scanned = scan('captions.csv', 'image,caption\na.jpg,One\n', ['images/a.jpg'], { photos: 'pictures' });
    await expect(scanned).rejects.toMatchObject({
      code: 'EMPTY_DATASET',
      message: expect.stringMatching(/ in .*\/pictures\/ but received none$/),
    });
  });

  test('a split whose name has no letter', async () => {
    await expect(scan('captions.csv', 'image,split,caption\na.jpg,1,One\n', ['a.jpg'])).rejects.toMatchObject({ code: 'NOT_A_DATASET' });
  });
});
