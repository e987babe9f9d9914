import { prepare } from '../../src/image/prepare';
import type { PlanRow } from '../../src/schema/plan';
import { openSyntheticReader } from '../../src/source/synthetic-reader';
import { picturesOf } from '../../src/source/synthetic-scene';

const row = (sourceKey: string): PlanRow => ({
  imageId: sourceKey,
  fileName: `${sourceKey}.png`,
  sourceKey,
  etag: '',
  bytes: 0,
  licence: '',
  url: '',
});
const reader = openSyntheticReader({ kind: 'synthetic', url: 'synthetic:10' });

test('a row gives the same bytes each time, a picture that the encoder can take', async () => {
  const [first, second] = picturesOf(2, 1);
  const bytes = await reader.read(row(first!.key));
  expect((await reader.read(row(first!.key))).equals(bytes)).toBe(true);
  expect((await reader.read(row(second!.key))).equals(bytes)).toBe(false);
  expect(await prepare(bytes)).toMatchObject({ format: 'png', width: 400, height: 320, crop: { left: 40, top: 0, side: 320 } });
  await reader.close();
});

test('a row that names no scene rejects that picture alone', async () => {
  await expect(reader.read(row('holiday.jpg'))).rejects.toMatchObject({
    code: 'MISSING_IMAGE',
    message: expect.stringContaining('"holiday.jpg"'),
  });
});
