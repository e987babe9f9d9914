import fc from 'fast-check';
import sharp, { type Sharp } from 'sharp';
import { plainJpegFrame } from '../../src/image/jpeg-frame';

const picture = () => sharp({ create: { width: 70, height: 45, channels: 3, background: '#6a3' } });

const plain: Record<string, () => Sharp> = {
  baseline: () => picture().jpeg(),
  progressive: () => picture().jpeg({ progressive: true }),
  'without chroma subsampling': () => picture().jpeg({ chromaSubsampling: '4:4:4' }),
  'with a colour profile': () => picture().jpeg().withIccProfile('p3'),
  'with XMP': () => picture().jpeg().withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'),
};
const other: Record<string, () => Sharp> = {
  'with an orientation': () => picture().jpeg().withMetadata({ orientation: 6 }),
  grey: () => picture().toColourspace('b-w').jpeg(),
  CMYK: () => picture().toColourspace('cmyk').jpeg(),
};

describe('the frame of a JPEG', () => {
  test.each(Object.keys(plain))('%s is plain, with the size that libvips sees', async (kind) => {
    const bytes = await plain[kind]!().toBuffer();
    const { autoOrient, space, channels, depth } = await sharp(bytes).metadata();
    expect({ space, channels, depth }).toEqual({ space: 'srgb', channels: 3, depth: 'uchar' });
    expect(plainJpegFrame(bytes)).toEqual({ width: autoOrient.width, height: autoOrient.height });
  });

  test.each(Object.keys(other))('%s is left to libvips', async (kind) => {
    expect(plainJpegFrame(await other[kind]!().toBuffer())).toBeUndefined();
  });

  test('a second picture beside the first is left to libvips', async () => {
    const bytes = await picture().jpeg().toBuffer();
    const index = Buffer.from('\xff\xe2\x00\x06MPF\0', 'latin1');
    expect(plainJpegFrame(Buffer.concat([bytes.subarray(0, 2), index, bytes.subarray(2)]))).toBeUndefined();
  });

  test('of a header that is cut anywhere there is none', async () => {
    const bytes = await picture().jpeg({ optimiseCoding: false }).toBuffer();
    const scan = bytes.indexOf(Buffer.of(0xff, 0xda));
    for (let length = 0; length < scan + 4; length++) expect(plainJpegFrame(bytes.subarray(0, length))).toBeUndefined();
  });

  test('with any byte of the header changed, it is none, or libvips sees the same or refuses the file', async () => {
    const original = await picture().jpeg().toBuffer();
    const scan = original.indexOf(Buffer.of(0xff, 0xda));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: scan }), fc.nat(255), async (place, value) => {
        const bytes = Buffer.from(original);
        bytes[place] = value;
        const frame = plainJpegFrame(bytes);
        if (frame === undefined) return;
        const seen = await sharp(bytes, { autoOrient: true, failOn: 'warning', limitInputPixels: false })
          .metadata()
          .catch(() => undefined);
        if (seen === undefined) return;
        const { autoOrient, space, channels, depth } = seen;
        expect({ ...frame, space, channels, depth }).toEqual({ ...autoOrient, space: 'srgb', channels: 3, depth: 'uchar' });
      }),
      { numRuns: 300 },
    );
  });
});
