import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ENABLED = ['jpeg', 'png', 'webp'];

test('nothing but JPEG, PNG and WebP out of memory is ever read, and the SVG that Showtell draws itself', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(__dirname, 'blocked-loaders.js')]);
  const { asItComes, enabled, drawn } = JSON.parse(stdout) as Record<string, Record<string, string>>;
  const read = (said: Record<string, string>) => Object.keys(said).filter((name) => said[name] === 'read');
  // Else nothing would be shown by what is refused afterwards.
  expect(read(asItComes!)).toEqual(expect.arrayContaining([...ENABLED, 'svg', 'gif', 'tiff', 'avif', 'file.v', 'file.png']));
  expect(read(enabled!)).toEqual(ENABLED);
  expect(read(drawn!)).toEqual(['svg', ...ENABLED]);
  for (const [name, said] of Object.entries(enabled!)) if (!ENABLED.includes(name)) expect(said).toMatch(/unsupported image format/);
});

test('there is no other way to libvips', () => {
  const packages = join(__dirname, '..', '..', '..');
  const sources = readdirSync(packages).flatMap((name) =>
    readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(packages, name, 'src', file)),
  );
  const importing = sources.filter((file) =>
    /^import (?!type).*'sharp'|import\('sharp'\)|require\('sharp'\)/m.test(readFileSync(file, 'utf8')),
  );
  expect(importing.map((file) => file.slice(packages.length + 1))).toEqual([join('shared', 'src', 'image', 'libvips.ts')]);
});
