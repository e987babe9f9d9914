import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeNewFile } from '../src/new-file';
import { fillNewFolder } from '../src/new-folder';
import { describeOnSmallDisk } from './small-disk';

const folder = mkdtempSync(join(tmpdir(), 'showtell-new-file-'));
const at = (...names: string[]) => join(folder, ...names);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* chunks(...texts: readonly (string | Error)[]): AsyncGenerator<Buffer> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Promise.resolve(Buffer.from(text));
  }
}
const left = (prefix: string) => readdirSync(folder).filter((name) => name.startsWith(prefix));

test('a file is there when all of it is', async () => {
  async function* watched() {
    yield Buffer.from('one ');
    expect(left('whole')).toEqual([expect.stringMatching(/^whole\.partial-/)]);
    yield Promise.resolve(Buffer.from('two'));
  }
  expect(await writeNewFile(at('whole'), 'the test', watched())).toEqual({ path: at('whole'), bytes: 7 });
  expect(readFileSync(at('whole'), 'utf8')).toBe('one two');
  expect(left('whole')).toEqual(['whole']);
});

test('of one that fails nothing is left', async () => {
  await expect(writeNewFile(at('half'), 'the test', chunks('one', new Error('no more')))).rejects.toThrow('no more');
  expect(left('half')).toEqual([]);
});

test('a file that appears meanwhile stays as it is', async () => {
  async function* late() {
    yield Buffer.from('ours');
    writeFileSync(at('late'), 'theirs');
    yield Promise.resolve(Buffer.from(' too'));
  }
  await expect(writeNewFile(at('late'), 'the test', late())).rejects.toMatchObject({ code: 'USAGE' });
  expect(readFileSync(at('late'), 'utf8')).toBe('theirs');
  expect(left('late')).toEqual(['late']);
});

test('files of a folder may grow side by side; its bytes are those of all', async () => {
  const { bytes } = await fillNewFolder(at('folder'), 'the test', async ({ begin, keep }) => {
    const [a, b] = [await begin('a'), await begin('sub/b')];
    for (const text of ['1', '2']) {
      await a.write(Buffer.from(`a${text}`));
      await b.write(Buffer.from(`b${text}`));
    }
    await a.end();
    await b.end();
    await keep('c', Buffer.from('c'));
  });
  expect(bytes).toBe(9);
  expect([at('folder', 'a'), at('folder', 'sub', 'b'), at('folder', 'c')].map((path) => readFileSync(path, 'utf8'))).toEqual([
    'a1a2',
    'b1b2',
    'c',
  ]);
});

test('a file that stands where its path has a folder', async () => {
  writeFileSync(at('taken'), '');
  const refused = { code: 'FILE_DENIED', hint: expect.stringMatching(/^A file stands/) as string };
  await expect(writeNewFile(at('taken', 'file'), 'the test', chunks('one'))).rejects.toMatchObject(refused);
});

const describeProc = existsSync('/proc/self') ? describe : describe.skip;
describeProc('/proc (skipped where there is none)', () => {
  test('takes no files, and says that they are gone', async () => {
    const refused = {
      code: 'FILE_DENIED',
      message: expect.stringMatching(/^Cannot write the test to \/proc\/showtell.*: ENOENT/) as string,
    };
    await expect(writeNewFile('/proc/showtell', 'the test', chunks('one'))).rejects.toMatchObject(refused);
    await expect(writeNewFile('/proc/showtell/file', 'the test', chunks('one'))).rejects.toMatchObject(refused);
    await expect(fillNewFolder('/proc/showtell', 'the test', ({ keep }) => keep('a', Buffer.from('a')))).rejects.toMatchObject(refused);
  });
});

describeOnSmallDisk('a full disk', 2 ** 16, (disk) => {
  const large = Buffer.alloc(2 ** 15);

  test('is DISK_FULL, and what was written of a file makes room again', async () => {
    async function* endless() {
      for (;;) yield Promise.resolve(large);
    }
    await expect(writeNewFile(join(disk, 'file'), 'the test', endless())).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(readdirSync(disk)).toEqual([]);
  });

  test('is DISK_FULL, and what was written of a folder makes room again', async () => {
    const fill = fillNewFolder(join(disk, 'folder'), 'the test', async ({ begin }) => {
      const file = await begin('file');
      for (;;) await file.write(large);
    });
    await expect(fill).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(readdirSync(disk)).toEqual([]);
  });
});
