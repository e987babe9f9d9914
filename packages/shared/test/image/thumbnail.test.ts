import sharp from 'sharp';
import { thumbnail } from '../../src/image/thumbnail';

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 4, background: { r: 200, g: 30, b: 30, alpha: 0.5 } } });

test('a photo becomes a small upright JPEG of the same shape', async () => {
  const photo = await picture(800, 400).flatten().jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const { format, width, height } = await sharp(await thumbnail(photo, 200)).metadata();
  expect({ format, width, height }).toEqual({ format: 'jpeg', width: 100, height: 200 });
});

test('a small picture keeps its size, and what is transparent becomes white', async () => {
  const small = await sharp(await thumbnail(await picture(30, 20).png().toBuffer(), 200)).metadata();
  expect([small.width, small.height]).toEqual([30, 20]);
  const clear = await picture(8, 8).ensureAlpha(0).png().toBuffer();
  const { channels, data } = await sharp(await thumbnail(clear, 200))
    .raw()
    .toBuffer({ resolveWithObject: true })
    .then(({ info, data: pixels }) => ({ ...info, data: pixels }));
  expect(channels).toBe(3);
  expect(data[1]).toBeGreaterThan(120);
});

test('what is no photo is refused', async () => {
  await expect(thumbnail(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 200)).rejects.toMatchObject({
    code: 'UNSUPPORTED_FORMAT',
  });
  const cut = (await picture(300, 300).flatten().jpeg().toBuffer()).subarray(0, 200);
  await expect(thumbnail(cut, 200)).rejects.toMatchObject({ code: 'CORRUPT_IMAGE' });
});
