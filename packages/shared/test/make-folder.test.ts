import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from '../src/make-folder';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'showtell-make-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a folder and those above it, once and again, by several at once', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(path)));
  await makeFolder(path);
  expect((await stat(path)).isDirectory()).toBe(true);
});

test('a file in its way is told', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(join(folder, 'file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

const describeProc = existsSync('/proc/self') ? describe : describe.skip;
describeProc('/proc (skipped where there is none)', () => {
  test('where no folder can be made although what is above is there', async () => {
    await expect(makeFolder('/proc/showtell/store')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
