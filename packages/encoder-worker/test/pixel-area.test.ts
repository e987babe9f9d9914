import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPixelArea, PixelReader } from '../src/pixel-area';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'showtell-pixel-area-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = (length: number, step: number) => Uint8Array.from({ length }, (_, index) => index * step);

test('what is written is read, shorter and longer than before, and no name is left', () => {
  const area = openPixelArea(folder)!;
  expect(readdirSync(folder)).toEqual([]);
  const reader = new PixelReader(area.fd);
  for (const [length, step] of [
    [1_000, 3],
    [70_000, 7],
    [10, 1],
  ] as const) {
    const written = bytes(length, step);
    expect(area.write(written)).toBe(true);
    expect(Buffer.compare(reader.read(length), written)).toBe(0);
  }
  expect(() => reader.read(70_001)).toThrow('Expected 70001 bytes of pixels but received 70000');
  area.close();
  expect(() => fstatSync(area.fd)).toThrow('EBADF');
});

test('there is none where the system has no such folder', () => {
  expect(openPixelArea(join(folder, 'absent'))).toBeUndefined();
});

(existsSync('/dev/full') ? describe : describe.skip)('without room', () => {
  test('it says so', () => {
    const area = openPixelArea(folder)!;
    closeSync(area.fd);
    // The lowest free number is taken, which is the one that was just given back.
    const full = openSync('/dev/full', 'r+');
    expect(full).toBe(area.fd);
    expect(area.write(bytes(10, 1))).toBe(false);
    area.close();
  });
});
