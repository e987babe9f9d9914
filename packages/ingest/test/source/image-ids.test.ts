import * as fc from 'fast-check';
import { sortByImageId } from '../../src/source/image-ids';

const sorted = (...ids: string[]) => sortByImageId(ids.map((imageId) => ({ imageId }))).map(({ imageId }) => imageId);

test('integers sort as numbers, however many digits they have', () => {
  expect(sorted('10', '9', '100', '0', '-5', '-40')).toEqual(['-40', '-5', '0', '9', '10', '100']);
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n })), (ids) => {
      expect(sorted(...ids.map(String))).toEqual(ids.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map(String));
    }),
  );
});

test('anything else sorts by code points, also where UTF-16 would not', () => {
  expect(sorted('10', '9', 'a')).toEqual(['10', '9', 'a']);
  expect(sorted('07', '6')).toEqual(['07', '6']);
  expect(sorted('\u{1f600}', '\uff5e', 'z')).toEqual(['z', '\uff5e', '\u{1f600}']);
});
