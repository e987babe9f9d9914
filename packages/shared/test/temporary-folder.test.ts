import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withTemporaryFolder } from '../src/temporary-folder';
import { describeOnSmallDisk } from './small-disk';

jest.mock('node:os', () => {
  const os = jest.requireActual<typeof import('node:os')>('node:os');
  return { ...os, tmpdir: jest.fn(os.tmpdir) };
});
const temporary = jest.mocked(tmpdir);
afterEach(() => temporary.mockReset());
const actual = jest.requireActual<typeof import('node:os')>('node:os').tmpdir;

test('is there during the work and gone afterwards, whatever comes of it', async () => {
  temporary.mockImplementation(actual);
  const folders: string[] = [];
  const work = async (folder: string) => {
    folders.push(folder);
    await writeFile(join(folder, 'file'), 'x');
    return readdirSync(folder);
  };
  expect(await withTemporaryFolder('the file', work)).toEqual(['file']);
  const failing = withTemporaryFolder('the file', async (folder) => {
    await work(folder);
    throw new Error('failed');
  });
  await expect(failing).rejects.toThrow('failed');
  expect(folders.filter(existsSync)).toEqual([]);
});

test('a place for temporary files that is not there is named', async () => {
  temporary.mockReturnValue('/absent/tmp');
  await expect(withTemporaryFolder('the weights', async () => {})).rejects.toMatchObject({
    code: 'FILE_DENIED',
    message: expect.stringMatching(/^Cannot write the weights to \/absent\/tmp: ENOENT/),
  });
});

describeOnSmallDisk('a full disk', 8_192, (disk) => {
  test('is told, and nothing is left there', async () => {
    temporary.mockReturnValue(disk);
    await expect(withTemporaryFolder('the weights', (folder) => writeFile(join(folder, 'w'), Buffer.alloc(20_000)))).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining(`Cannot write the weights to ${disk}/showtell-`),
    });
    expect(readdirSync(disk)).toEqual([]);
  });
});
