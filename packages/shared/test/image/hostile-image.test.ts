import * as fc from 'fast-check';
import sharp from 'sharp';
import { isShowtellError, REJECTION_CODES } from '../../src/errors';
import { prepare } from '../../src/image/prepare';

const SIDE = 75;
const raw = { width: 96, height: 80, channels: 3 } as const;
const pixels = Buffer.from(Array.from({ length: 96 * 80 * 3 }, (_, at) => (at * 7 + (at >> 5)) % 256));
const picture = () => sharp(pixels, { raw });

const SEEDS: Record<string, () => Promise<Buffer>> = {
  'a JPEG': () => picture().jpeg().toBuffer(),
  'a progressive JPEG': () => picture().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
  'a PNG': () => picture().png().toBuffer(),
  'an interlaced PNG with a palette': () => picture().png({ palette: true, progressive: true }).toBuffer(),
  'a WebP': () => picture().webp().toBuffer(),
  'a lossless WebP': () => picture().ensureAlpha().webp({ lossless: true }).toBuffer(),
};

test.each(Object.keys(SEEDS))(
  '%s with some bytes changed, and perhaps cut short, is a picture of the right size, or rejected with a reason',
  async (name) => {
    const seed = await SEEDS[name]!();
    // Headers are at the beginning; half of the changes are there.
    const at = fc.oneof(fc.nat(64), fc.nat(seed.length - 1));
    let rejected = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(at, fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.option(fc.nat(seed.length)),
        async (bytes, end) => {
          const changed = Buffer.from(seed);
          for (const [place, byte] of bytes) changed[place] = byte;
          try {
            expect((await prepare(changed.subarray(0, end ?? changed.length), SIDE)).pixels).toHaveLength(SIDE * SIDE * 3);
          } catch (error) {
            if (!isShowtellError(error)) throw error;
            expect(REJECTION_CODES).toContain(error.code);
            rejected++;
          }
        },
      ),
      { numRuns: 120 },
    );
    expect(rejected).toBeGreaterThan(20);
  },
);
