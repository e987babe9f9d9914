import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ShowtellError } from '@showtell/shared/errors';
import { MAX_FILE_BYTES } from '@showtell/shared/image/limits';
import { eachPhoto } from '../src/photo-files';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-photos-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { signal } = new AbortController();

test('results come in the order of the paths, some photos at a time, and what cannot be read has an error', async () => {
  const paths = Array.from({ length: 70 }, (_, index) => join(folder, String(index)));
  for (const [index, path] of paths.entries()) if (index !== 5) writeFileSync(path, String(index));
  rmSync(paths[40]!);
  mkdirSync(paths[40]!);
  truncateSync(paths[41]!, MAX_FILE_BYTES + 1);
  const chunks: number[] = [];
  const results: unknown[] = [];
  const work = async (photos: readonly Buffer[]) => {
    chunks.push(photos.length);
    return photos.map((photo) => ({ text: photo.toString() }));
  };
  for await (const { path, result } of eachPhoto(paths, work, signal)) {
    expect(path).toBe(paths[results.length]);
    results.push('error' in result ? result.error.code : result.text);
  }
  const expected: Record<number, string> = { 5: 'MISSING_IMAGE', 40: 'MISSING_IMAGE', 41: 'TOO_LARGE' };
  expect(results).toEqual(paths.map((_, index) => expected[index] ?? String(index)));
  expect(chunks).toEqual([31, 30, 6]);
});

test('it stops when it is told to', async () => {
  const controller = new AbortController();
  controller.abort(new ShowtellError('INTERRUPTED', 'enough'));
  const all = eachPhoto(['x'], async () => [], controller.signal);
  await expect(all.next()).rejects.toThrow('enough');
});
