import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { PIXEL_BYTES, SIDE } from '../../src/image/limits';
import { prepare } from '../../src/image/prepare';
import { describeConformance } from '../conformance';

interface Expectation {
  readonly input: string;
  readonly what: string;
  readonly pil_mode: string;
  readonly oriented_size: [number, number];
  readonly crop: { left: number; top: number; side: number };
  readonly expected: string;
}

/** Mean, 99th percentile and greatest absolute difference that are allowed, in grey levels. */
function tolerance({ crop, pil_mode: mode }: Expectation): [number, number, number] {
  if (mode === 'CMYK') return [1, 4, 16];
  if (crop.side === SIDE) return [0, 0, 0];
  if (crop.side < SIDE) return [0.5, 2, 4];
  return mode.startsWith('I') || mode.includes('16') ? [0.8, 2, 16] : [0.5, 2, 16];
}

describeConformance('seed-preprocess', ['seed-preprocess', 'expected.json'], (path) => {
  const { images } = JSON.parse(readFileSync(path, 'utf8')) as { images: Expectation[] };

  test.each(images.map((image) => [`${image.input}: ${image.what}`, image] as const))('%s', async (_name, image) => {
    const folder = join(path, '..');
    const prepared = await prepare(readFileSync(join(folder, image.input)));
    expect([prepared.width, prepared.height]).toEqual(image.oriented_size);
    expect(prepared.crop).toEqual(image.crop);
    const expected = await sharp(readFileSync(join(folder, image.expected)))
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer();
    expect([prepared.pixels.length, expected.length]).toEqual([PIXEL_BYTES, PIXEL_BYTES]);
    const differences = Uint8Array.from(expected, (value, index) => Math.abs(value - prepared.pixels[index]!)).sort();
    const [mean, percentile, max] = tolerance({ ...image, pil_mode: image.what.includes('16-bit') ? 'I;16' : image.pil_mode });
    const found = {
      mean: differences.reduce((sum, value) => sum + value, 0) / PIXEL_BYTES,
      percentile: differences[Math.floor(PIXEL_BYTES * 0.99)]!,
      max: differences.at(-1)!,
    };
    if (process.env['SHOWTELL_FIGURES']) process.stderr.write(`${image.input} ${JSON.stringify(found)}\n`);
    expect(found.mean).toBeLessThanOrEqual(mean);
    expect(found.percentile).toBeLessThanOrEqual(percentile);
    expect(found.max).toBeLessThanOrEqual(max);
  });
});
