import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '../src/keys';
import { FileStore } from '../src/object-store/file';
import { PixelKey } from '../src/pixel-key';

let folder: string;
let store: FileStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-key-'));
  store = new FileStore(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('is made once, by the first who needs it to write; readers make none', async () => {
  expect(await new PixelKey(store).read()).toBeUndefined();
  const made = await Promise.all(Array.from({ length: 8 }, () => new PixelKey(store).readOrMake()));
  expect(new Set(made.map((key) => key.toString('hex'))).size).toBe(1);
  expect(made[0]).toHaveLength(32);
  expect(await new PixelKey(store).read()).toEqual(made[0]);
});

test('of another length is CORRUPT_OBJECT, with its name', async () => {
  await store.put(keys.pixelKey(), Buffer.from('short'));
  await expect(new PixelKey(store).read()).rejects.toMatchObject({
    code: 'CORRUPT_OBJECT',
    message: expect.stringContaining('pixel-key') as string,
  });
});
