import { DecodingSettings } from '../../src/schema/checkpoint';

const settings = { maxLength: 20, beam: 3, lengthNormalization: 0.5, blockUnknown: true, blockRepeats: 0 };

test.each([
  ['captions that end only after longer than anybody waits', { maxLength: 2 ** 40 }],
  ['a beam as wide as memory', { beam: 2 ** 31 }],
  ['a power without end', { lengthNormalization: Number.MAX_VALUE }],
])('a model from somewhere does not ask for %s', (_what, wrong) => {
  expect(DecodingSettings.safeParse(settings).success).toBe(true);
  expect(DecodingSettings.safeParse({ ...settings, ...wrong }).success).toBe(false);
});
