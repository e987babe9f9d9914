import { formatBytes, formatSeconds, formatShare, plural } from '../../src/output/format';

test.each([
  [0.04, '0.0 s'],
  [9.94, '9.9 s'],
  [12.4, '12 s'],
  [59.7, '1 min 0 s'],
  [125, '2 min 5 s'],
  [3_599.6, '1 h 0 min'],
  [11_520, '3 h 12 min'],
])('%d seconds', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

test.each([
  [1, 2, '50 %'],
  [1, 3, '33.3 %'],
  [0, 0, '0 %'],
])('%d of %d', (part, whole, text) => expect(formatShare(part, whole)).toBe(text));

test('one and many', () => {
  expect([plural(1, 'match', 'matches'), plural(2_000, 'match', 'matches'), plural(0, 'photo')]).toEqual([
    '1 match',
    '2,000 matches',
    '0 photos',
  ]);
});

test.each([
  [1, '1 byte'],
  [999, '999 bytes'],
  [1_500, '1.5 kB'],
  [48_200_000, '48.2 MB'],
  [1.2e9, '1.2 GB'],
  [3e18, '3000.0 PB'],
])('%d bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
