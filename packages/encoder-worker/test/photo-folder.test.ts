import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { openPhotoFolder } from '../src/photo-folder';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'showtell-photo-folder-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const grey = (value: number) =>
  sharp({ create: { width: 30, height: 20, channels: 3, background: { r: value, g: value, b: value } } }).png();
const firstBytes = async (photos: AsyncIterable<Buffer>, most = Number.POSITIVE_INFINITY) => {
  const bytes: number[] = [];
  for await (const photo of photos) {
    expect(photo).toHaveLength(16 * 16 * 3);
    if (bytes.push(photo[0]!) >= most) break;
  }
  return bytes;
};

test('photos of a folder and those below it, spread, without what is none', async () => {
  mkdirSync(join(folder, 'below'));
  for (const value of [0, 1, 2, 3]) await grey(value * 50).toFile(join(folder, value < 2 ? '' : 'below', `${value}.png`));
  writeFileSync(join(folder, '0-notes.txt'), 'no photo');
  writeFileSync(join(folder, 'below', 'half.png'), (await grey(9).toBuffer()).subarray(0, 40));
  const opened = await openPhotoFolder(folder);
  const all = await firstBytes(opened.photos({ side: 16 }));
  expect(new Set(all)).toEqual(new Set([0, 50, 100, 150]));
  expect(await firstBytes(opened.photos({ side: 16 }), 2)).toEqual(all.slice(0, 2));
});

test('a folder that is not there, and one without photos', async () => {
  await expect(openPhotoFolder(join(folder, 'absent'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  writeFileSync(join(folder, 'notes.txt'), 'no photo');
  const opened = await openPhotoFolder(folder);
  await expect(firstBytes(opened.photos({ side: 16 }))).rejects.toMatchObject({
    code: 'EMPTY_DATASET',
    message: expect.stringContaining('none of its 1 files') as string,
  });
});
