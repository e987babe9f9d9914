import * as fc from 'fast-check';
import { checkRows } from '../../src/verify/check-rows';

const planned = ['1', '2', '3', '4'].map((imageId) => ({ imageId, fileName: `${imageId}.jpg` }));
const table = (imageIds: string[], more: { fileNames?: string[]; features?: Float32Array } = {}) => ({
  imageIds,
  fileNames: imageIds.map((id) => `${id}.jpg`),
  features: new Float32Array(imageIds.length * 2),
  dimension: 2,
  ...more,
});

test.each([
  ['all encoded', ['1', '2', '3', '4'], []],
  ['some rejected', ['2', '4'], ['1', '3']],
  ['all rejected', [], ['1', '2', '3', '4']],
])('%s is in order', (_what, rows, rejected) => {
  expect(checkRows(planned, rejected, table(rows))).toEqual([]);
});

test.each<[string, string[], string[], [string, string[]][]]>([
  ['an image in neither', ['1', '2', '4'], [], [['missing', ['3']]]],
  ['an image in two rows', ['1', '2', '2', '3', '4'], [], [['duplicate', ['2']]]],
  ['an image in a row and rejected', ['1', '2', '3', '4'], ['4'], [['duplicate', ['4']]]],
  ['an image rejected twice', ['1', '2', '3'], ['4', '4'], [['duplicate', ['4']]]],
  ['an image that was not planned', ['1', '2', '3', '4', '9'], [], [['unplanned', ['9']]]],
  ['a rejection that was not planned', ['1', '2', '3', '4'], ['9'], [['unplanned', ['9']]]],
  [
    'one in the place of another, and one twice',
    ['1', '1', '9', '4'],
    [],
    [
      ['missing', ['2', '3']],
      ['duplicate', ['1']],
      ['unplanned', ['9']],
    ],
  ],
])('%s is named', (_what, rows, rejected, expected) => {
  expect(checkRows(planned, rejected, table(rows)).map(({ what, images }) => [what, images])).toEqual(expected);
});

test('another order, another file name and features that are not finite are named', () => {
  expect(checkRows(planned, [], table(['1', '3', '2', '4']))).toEqual([
    { what: 'corrupt', message: 'rows are not in the order of the plan' },
  ]);
  expect(checkRows(planned, ['1', '2'], table(['3', '4'], { fileNames: ['3.jpg', 'x.jpg'] }))).toMatchObject([
    { what: 'corrupt', images: ['4'] },
  ]);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    expect(checkRows(planned, ['1', '2'], table(['3', '4'], { features: Float32Array.of(0, 1, 2, bad) }))).toMatchObject([
      { what: 'corrupt', images: ['4'] },
    ]);
});

test('of a thousand images the first hundred are listed, and five are named', () => {
  const many = Array.from({ length: 1_000 }, (_, image) => ({ imageId: String(image), fileName: `${image}.jpg` }));
  const [found] = checkRows(many, [], table([]));
  expect(found).toMatchObject({ what: 'missing', message: '1000 images are planned and in neither rows nor rejections: 0, 1, 2, 3, 4, …' });
  expect(found!.images).toHaveLength(100);
});

test('whatever was changed, something is found, and only then', () => {
  const ids = ['1', '2', '3', '4', 'x'];
  const rows = fc.array(fc.constantFrom(...ids), { maxLength: 6 });
  fc.assert(
    fc.property(rows, rows, (encoded, rejected) => {
      const isWhole = [...encoded, ...rejected].sort().join() === '1,2,3,4' && [...encoded].sort().join() === encoded.join();
      expect(checkRows(planned, rejected, table(encoded)).length === 0).toBe(isWhole);
    }),
  );
});
