import { PREPROCESSING, preprocessingOf, sideOf } from '../../src/schema/encoder-identity';

test('a preprocessing names its side', () => {
  expect(PREPROCESSING).toBe('centre-square-299-linear-v1');
  for (const side of [16, 224, 299, 1_024]) expect(sideOf(preprocessingOf(side))).toBe(side);
});

test.each([
  'centre-square-15-linear-v1',
  'centre-square-1025-linear-v1',
  'centre-square-0299-linear-v1',
  'centre-square-299-linear-v2',
  '',
])('%j is not one that this program has', (preprocessing) => {
  expect(() => sideOf(preprocessing)).toThrow(expect.objectContaining({ code: 'MIXED_ENCODER' }) as Error);
});
