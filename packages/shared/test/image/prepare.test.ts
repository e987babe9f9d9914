import * as fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { enlarge } from '../../src/image/enlarge';
import { MAX_FILE_BYTES, PIXEL_BYTES, pixelBytes, SIDE } from '../../src/image/limits';
import { centreSquare, prepare } from '../../src/image/prepare';
import { blackPng, pngChunk } from './png';

/** A picture whose every pixel is its own: red grows to the right, green downwards, blue is a checkerboard. */
function gradient(width: number, height: number, channels: 3 | 4 = 3): Sharp {
  const data = Buffer.alloc(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    data[pixel * channels] = (x * 255) / width;
    data[pixel * channels + 1] = (y * 255) / height;
    data[pixel * channels + 2] = ((x >> 4) + (y >> 4)) % 2 === 0 ? 200 : 40;
    if (channels === 4) data[pixel * channels + 3] = x % 2 === 0 ? 0 : 255;
  }
  return sharp(data, { raw: { width, height, channels } });
}

/** Noise, which compresses badly, so that a cut loses something. Always the same: how a decoder takes damage depends on the bytes around it. */
const noise = (width: number, height: number) => {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  return sharp(Buffer.from(Array.from({ length: width * height * 3 }, next)), { raw: { width, height, channels: 3 } });
};

function meanDifference(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce((sum, value, index) => sum + Math.abs(value - other[index]!), 0) / one.length;
}

/** The one colour that all pixels have, or `undefined`. */
function onlyColour(pixels: Buffer): number[] | undefined {
  const colour = [...pixels.subarray(0, 3)];
  return Buffer.alloc(PIXEL_BYTES, Buffer.from(colour)).equals(pixels) ? colour : undefined;
}

describe('what is no picture of ours', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.of(0xff)],
    ['HTML', Buffer.from('<!DOCTYPE html><html><body>404</body></html>')],
    ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ['PDF', Buffer.from('%PDF-1.7\n%%EOF')],
    ['JSON', Buffer.from('{"error":"no such key"}')],
    ['half a PNG signature', Buffer.from('\x89PNG\r\n', 'latin1')],
    ['a WAV in the same container as WebP', Buffer.from('RIFF\x24\0\0\0WAVEfmt ', 'latin1')],
  ])('%s is UNSUPPORTED_FORMAT', async (_name, bytes) => {
    await expect(prepare(bytes)).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
  });

  test.each(['gif', 'tiff', 'avif'] as const)('a real %s is UNSUPPORTED_FORMAT', async (format) => {
    await expect(prepare(await gradient(20, 20).toFormat(format).toBuffer())).rejects.toMatchObject({ code: 'UNSUPPORTED_FORMAT' });
  });
});

describe('damage', () => {
  const kinds: Record<string, (picture: Sharp) => Sharp> = {
    'baseline JPEG': (picture) => picture.jpeg(),
    'progressive JPEG': (picture) => picture.jpeg({ progressive: true }),
    PNG: (picture) => picture.png(),
    WebP: (picture) => picture.webp(),
    'lossless WebP': (picture) => picture.webp({ lossless: true }),
  };
  const cases = Object.keys(kinds).flatMap((kind) => [
    [kind, 'landscape', 200, 90] as const,
    // The end of a portrait lies below its square.
    [kind, 'portrait', 90, 400] as const,
  ]);

  test.each(cases)('a %s %s that ends early is TRUNCATED, wherever it is cut', async (kind, _shape, width, height) => {
    const whole = await kinds[kind]!(noise(width, height)).toBuffer();
    await expect(prepare(whole)).resolves.toMatchObject({ width, height });
    for (const length of [30, whole.length >> 1, whole.length - 40])
      await expect(prepare(whole.subarray(0, length))).rejects.toMatchObject({ code: 'TRUNCATED' });
  });

  test.each(['baseline JPEG', 'progressive JPEG', 'PNG'])('a %s with bytes overwritten is CORRUPT_IMAGE', async (kind) => {
    const bytes = await kinds[kind]!(noise(120, 300)).toBuffer();
    bytes.fill(0xff, Math.floor(bytes.length * 0.9), Math.floor(bytes.length * 0.9) + 64);
    await expect(prepare(bytes)).rejects.toMatchObject({ code: 'CORRUPT_IMAGE' });
  });

  test('bytes after the end do no harm', async () => {
    const bytes = await noise(50, 60).jpeg().toBuffer();
    const { pixels } = await prepare(Buffer.concat([bytes, Buffer.from('left by a camera')]));
    expect(pixels.equals((await prepare(bytes)).pixels)).toBe(true);
  });

  test('any byte changed gives pixels or a rejection, never another error', async () => {
    const originals = await Promise.all(Object.values(kinds).map((encode) => encode(noise(40, 30)).toBuffer()));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...originals), fc.nat(), fc.nat(255), async (original, place, value) => {
        const bytes = Buffer.from(original);
        bytes[place % bytes.length] = value;
        const outcome = await prepare(bytes).then(
          ({ pixels }) => pixels.length,
          (error: { code?: string }) => error.code,
        );
        expect([PIXEL_BYTES, 'UNSUPPORTED_FORMAT', 'TRUNCATED', 'CORRUPT_IMAGE', 'TOO_MANY_PIXELS']).toContain(outcome);
      }),
      { numRuns: 150 },
    );
  });
});

describe('limits', () => {
  test('a 30,000 × 30,000 PNG in 110 kB is refused without decoding it', async () => {
    const bomb = blackPng(30_000);
    const before = process.memoryUsage().rss;
    await expect(prepare(bomb)).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS', message: expect.stringContaining('30000 × 30000') });
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });

  test('a file above the limit is refused', async () => {
    const bytes = Buffer.alloc(MAX_FILE_BYTES + 1);
    bytes.set([0xff, 0xd8, 0xff]);
    await expect(prepare(bytes)).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  test.each([
    [1, 1],
    [20_000, 10],
    [3, 5000],
  ])('%d × %d is accepted', async (width, height) => {
    expect((await prepare(await gradient(width, height).png().toBuffer())).pixels.length).toBe(PIXEL_BYTES);
  });
});

describe('pixels', () => {
  /** How a camera held so stores the upright picture. */
  const turned: Record<number, (upright: Buffer) => Promise<Buffer>> = {
    1: async (upright) => upright,
    2: (upright) => sharp(upright).flop().toBuffer(),
    3: (upright) => sharp(upright).rotate(180).toBuffer(),
    4: (upright) => sharp(upright).flip().toBuffer(),
    5: async (upright) =>
      sharp(await sharp(upright).rotate(90).toBuffer())
        .flop()
        .toBuffer(),
    6: (upright) => sharp(upright).rotate(270).toBuffer(),
    7: async (upright) =>
      sharp(await sharp(upright).rotate(90).toBuffer())
        .flip()
        .toBuffer(),
    8: (upright) => sharp(upright).rotate(90).toBuffer(),
  };

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %d gives the pixels of the upright picture', async (orientation) => {
    const upright = await gradient(401, 310).png().toBuffer();
    const stored = await turned[orientation]!(upright);
    const tagged = await sharp(stored).withMetadata({ orientation }).png().toBuffer();
    const prepared = await prepare(tagged);
    expect([prepared.width, prepared.height]).toEqual([401, 310]);
    expect(prepared.pixels.equals((await prepare(upright)).pixels)).toBe(true);
  });

  test.each(['jpeg', 'png', 'webp'] as const)('a square of 299 in a %s passes untouched', async (format) => {
    const bytes = await gradient(SIDE, SIDE).toFormat(format).toBuffer();
    expect((await prepare(bytes)).pixels.equals(await sharp(bytes).raw().toBuffer())).toBe(true);
  });

  test.each([
    ['shrunk', 64, 3],
    ['shrunk after its alpha went', 64, 4],
    ['untouched', 310, 3],
    ['enlarged', 384, 3],
  ] as const)('for an encoder of another side a picture is %s', async (_how, side, channels) => {
    const { pixels, crop } = await prepare(await gradient(401, 310, channels).png().toBuffer(), side);
    expect([pixels.length, crop]).toEqual([pixelBytes(side), { left: 46, top: 0, side: 310 }]);
    const square = await gradient(401, 310).extract({ left: 46, top: 0, width: 310, height: 310 }).raw().toBuffer();
    // Red and green are slopes, which no resize changes much; the checkerboard's edges are softened.
    for (const [x, y] of [
      [0.1, 0.2],
      [0.5, 0.5],
      [0.9, 0.7],
    ] as const) {
      const [at, from] = [[side, pixels] as const, [310, square] as const].map(([size, data]) => {
        const pixel = (Math.floor(y * size) * size + Math.floor(x * size)) * 3;
        return [data[pixel]!, data[pixel + 1]!];
      });
      expect(Math.abs(at![0]! - from![0]!)).toBeLessThanOrEqual(3);
      expect(Math.abs(at![1]! - from![1]!)).toBeLessThanOrEqual(3);
    }
    if (side === 310) expect(pixels.equals(square)).toBe(true);
  });

  test('alpha is dropped: what is transparent keeps its colours', async () => {
    const [opaque, transparent] = await Promise.all(
      [3, 4].map((channels) =>
        gradient(350, 320, channels as 3 | 4)
          .png()
          .toBuffer(),
      ),
    );
    expect((await prepare(transparent!)).pixels.equals((await prepare(opaque!)).pixels)).toBe(true);
  });

  test('grey comes in all three channels, 16 bits as the high byte', async () => {
    const grey = Buffer.alloc(SIDE * SIDE, 77);
    const jpeg = await sharp(grey, { raw: { width: SIDE, height: SIDE, channels: 1 } })
      .jpeg()
      .toBuffer();
    expect(onlyColour((await prepare(jpeg)).pixels)).toEqual([77, 77, 77]);
    const deep = Uint16Array.from({ length: 320 * 300 * 3 }, () => 0x12f0);
    const png = await sharp(deep, { raw: { width: 320, height: 300, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expect(onlyColour((await prepare(png)).pixels)).toEqual([0x12, 0x12, 0x12]);
  });

  test('a profile is not followed, as Keras does not', async () => {
    const wide = await sharp(await gradient(320, 310).png().toBuffer())
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const stored = await sharp(wide, { ignoreIcc: true }).png().toBuffer();
    expect(meanDifference(await sharp(wide).raw().toBuffer(), await sharp(stored).raw().toBuffer())).toBeGreaterThan(3);
    expect((await prepare(wide)).pixels.equals((await prepare(stored)).pixels)).toBe(true);
  });

  test('a palette is looked up', async () => {
    const png = await sharp({ create: { width: 300, height: 300, channels: 3, background: { r: 10, g: 200, b: 30 } } })
      .png({ palette: true })
      .toBuffer();
    expect(onlyColour((await prepare(png)).pixels)).toEqual([10, 200, 30]);
  });

  test('of an animated WebP and an APNG the first frame is taken, and the frames are counted', async () => {
    const [red, blue] = await Promise.all(
      ['#f00', '#00f'].map((background) =>
        sharp({ create: { width: 310, height: 305, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    const webp = await sharp([red!, blue!], { join: { animated: true } })
      .webp({ lossless: true })
      .toBuffer();
    const animation = pngChunk('acTL', Buffer.of(0, 0, 0, 7, 0, 0, 0, 0));
    const apng = Buffer.concat([red!.subarray(0, 33), animation, red!.subarray(33)]);
    const [fromWebp, fromApng] = [await prepare(webp), await prepare(apng)];
    expect(fromWebp).toMatchObject({ frames: 2, width: 310, height: 305 });
    expect(fromApng.frames).toBe(7);
    expect([fromWebp, fromApng].map(({ pixels }) => onlyColour(pixels))).toEqual([
      [255, 0, 0],
      [255, 0, 0],
    ]);
    expect((await prepare(red!)).frames).toBe(1);
  });

  test('the same file gives the same pixels, also when many are prepared at once', async () => {
    const bytes = await noise(640, 480).jpeg().toBuffer();
    const all = await Promise.all(Array.from({ length: 12 }, () => prepare(bytes)));
    expect(new Set(all.map(({ pixels }) => pixels.toString('base64'))).size).toBe(1);
  });
});

test('the square is the greatest there is, in the middle, and takes the wider margin on the left and above', () => {
  const length = fc.integer({ min: 1, max: 10_000 });
  fc.assert(
    fc.property(length, length, (width, height) => {
      const { left, top, side } = centreSquare(width, height);
      const right = width - side - left;
      const bottom = height - side - top;
      expect(side).toBe(Math.min(width, height));
      expect([0, 1]).toContain(left - right);
      expect([0, 1]).toContain(top - bottom);
    }),
  );
});

test('enlarging invents no value outside those there are, and keeps a plain square plain', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.infiniteStream(fc.nat(255)), (side, values) => {
      const rgb = Buffer.from(Array.from({ length: side * side * 3 }, () => values.next().value as number));
      const pixels = enlarge(rgb, side, SIDE);
      const sorted = [...rgb].sort((a, b) => a - b);
      const found = pixels.reduce(([least, most], value) => [Math.min(least!, value), Math.max(most!, value)], [255, 0]);
      expect(found[0]).toBeGreaterThanOrEqual(sorted[0]!);
      expect(found[1]).toBeLessThanOrEqual(sorted.at(-1)!);
      // The corners lie outside the outermost pixel centres, where the edge is repeated.
      expect([...pixels.subarray(0, 3)]).toEqual([...rgb.subarray(0, 3)]);
      expect([...pixels.subarray(-3)]).toEqual([...rgb.subarray(-3)]);
    }),
    { numRuns: 8 },
  );
});
