import { renderSvg } from '@showtell/shared/image/render-svg';
import sharp from 'sharp';
import { pngChunk } from '../../../packages/shared/test/image/png';
import { describeFault } from './fault';
import { fullEncoder } from './full-encoder';
import { encodePhotos, noise } from './photo-folder';

const plain = (width: number, height: number, [r, g, b]: readonly number[]) =>
  sharp({ create: { width, height, channels: 3, background: { r: r!, g: g!, b: b! } } });

/** The pixels of a picture as they are stored, as a PNG of nothing but 8-bit RGB. */
const asPng = async (pixels: Buffer, width: number, height: number, channels: 1 | 2 | 3 | 4 = 3) =>
  sharp(pixels, { raw: { width, height, channels } }).png().toBuffer();

describeFault(27, 'photos of unusual kinds', {}, (place) => {
  test('are accepted, with the features of the pixels that are expected of them', async () => {
    const rig = await place.rig();
    const [width, height] = [310, 305];
    const rgb = await noise(width, height, 9).raw().toBuffer();
    const deep = Uint16Array.from(rgb, (value) => (value << 8) | 0x5a);
    const grey = Buffer.from(Array.from({ length: width * height }, (_, pixel) => rgb[pixel * 3]!));
    const clear = Buffer.from(
      Array.from({ length: width * height * 4 }, (_, at) => (at % 4 === 3 ? (at >> 2) % 256 : rgb[(at >> 2) * 3 + (at % 4)]!)),
    );
    const palette = Buffer.from(
      Array.from({ length: width * height * 3 }, (_, at) => (((at / 3) >> 4) % 2 === 0 ? [10, 200, 30][at % 3]! : [250, 0, 99][at % 3]!)),
    );
    const strip = await noise(20_000, 10, 11).raw().toBuffer();
    const middle = await sharp(strip, { raw: { width: 20_000, height: 10, channels: 3 } })
      .extract({ left: 9_995, top: 0, width: 10, height: 10 })
      .raw()
      .toBuffer();
    const cmyk = await plain(64, 64, [200, 60, 20]).toColourspace('cmyk').jpeg({ chromaSubsampling: '4:4:4' }).toBuffer();
    const [c, m, y, k] = await sharp(cmyk).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
    // As Pillow converts it: no profile of a printer is assumed.
    const ink = [c!, m!, y!].map((value) => 255 - k! - Math.round((value * (255 - k!)) / 255));
    const greyJpeg = await sharp(grey, { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    const shown = await sharp(greyJpeg).toColourspace('b-w').raw().toBuffer();
    expect([(await sharp(cmyk).metadata()).space, (await sharp(greyJpeg).metadata()).channels]).toEqual(['cmyk', 1]);

    const pairs: Record<string, [Buffer, Buffer]> = {
      cmyk: [cmyk, await plain(64, 64, ink).png().toBuffer()],
      sixteen: [
        await sharp(deep, { raw: { width, height, channels: 3 } })
          .toColourspace('rgb16')
          .png()
          .toBuffer(),
        await asPng(rgb, width, height),
      ],
      grey: [
        greyJpeg,
        await asPng(Buffer.from(Array.from({ length: shown.length * 3 }, (_, at) => shown[Math.floor(at / 3)]!)), width, height),
      ],
      alpha: [await asPng(clear, width, height, 4), await asPng(rgb, width, height)],
      palette: [
        await sharp(palette, { raw: { width, height, channels: 3 } })
          .png({ palette: true, colours: 4, dither: 0 })
          .toBuffer(),
        await asPng(palette, width, height),
      ],
      profile: [
        await sharp(await asPng(rgb, width, height))
          .withIccProfile('p3')
          .png()
          .toBuffer(),
        Buffer.alloc(0),
      ],
      pixel: [await plain(1, 1, [12, 34, 56]).png().toBuffer(), await plain(299, 299, [12, 34, 56]).png().toBuffer()],
      strip: [await asPng(strip, 20_000, 10), await asPng(middle, 10, 10)],
    };
    // The stored values, whatever the profile says of them.
    pairs['profile']![1] = await asPng(await sharp(pairs['profile']![0], { ignoreIcc: true }).raw().toBuffer(), width, height);
    expect((await sharp(pairs['profile']![0]).metadata()).icc).toBeDefined();
    const photos = Object.fromEntries(
      Object.entries(pairs).flatMap(([name, [photo, expected]]) => [
        [`${name}.jpg`, photo],
        [`${name}-expected.png`, expected],
      ]),
    );
    const { rejected, feature } = await encodePhotos(rig, photos);
    expect(rejected.size).toBe(0);
    for (const name of Object.keys(pairs)) expect([name, feature(name)]).toEqual([name, feature(`${name}-expected`)]);
  });
});

/** How a camera held so stores an upright picture: turned, then mirrored. */
const STORED: Record<number, readonly [degrees: number, mirror?: 'flip' | 'flop']> = {
  1: [0],
  2: [0, 'flop'],
  3: [180],
  4: [0, 'flip'],
  5: [90, 'flop'],
  6: [270],
  7: [90, 'flip'],
  8: [90],
};

describeFault(28, 'a photo that its EXIF orientation turns, 1 to 8', {}, (place) => {
  test('has the feature of the upright picture, of the full encoder', async () => {
    const rig = await place.rig();
    const upright = await noise(401, 310, 12).png().toBuffer();
    const photos: Record<string, Buffer> = { 'upright.png': upright };
    for (const [orientation, [degrees, mirror]] of Object.entries(STORED)) {
      const turned = sharp(await sharp(upright).rotate(degrees).png().toBuffer());
      const stored = await (mirror === undefined ? turned : turned[mirror]()).raw().toBuffer({ resolveWithObject: true });
      const tagged = () => sharp(stored.data, { raw: stored.info }).withMetadata({ orientation: Number(orientation) });
      photos[`png-${orientation}.png`] = await tagged().png().toBuffer();
      photos[`webp-${orientation}.webp`] = await tagged().webp({ lossless: true }).toBuffer();
      const jpeg = await tagged().jpeg({ quality: 90 }).toBuffer();
      photos[`jpeg-${orientation}.jpg`] = jpeg;
      photos[`jpeg-upright-${orientation}.png`] = await sharp(jpeg).autoOrient().png().toBuffer();
    }
    const { rejected, feature } = await encodePhotos(rig, photos, undefined, await fullEncoder(rig));
    expect(rejected.size).toBe(0);
    for (const orientation of Object.keys(STORED)) {
      expect([orientation, feature(`png-${orientation}`)]).toEqual([orientation, feature('upright')]);
      expect([orientation, feature(`webp-${orientation}`)]).toEqual([orientation, feature('upright')]);
      expect([orientation, feature(`jpeg-${orientation}`)]).toEqual([orientation, feature(`jpeg-upright-${orientation}`)]);
    }
    expect(feature('jpeg-1')).not.toEqual(feature('upright'));
  });
});

describeFault(29, 'an animated WebP, an APNG', {}, (place) => {
  test.each([
    ['ingest', {}],
    ['the encoder, without a pixel window', { pixelWindow: 0 }],
  ])('the first frame is encoded, and the commit record says so, when it was prepared by %s', async (_who, flags) => {
    const rig = await place.rig(flags);
    const frames = await Promise.all(
      ['#f00', '#00f', '#0f0'].map((colour) =>
        renderSvg(
          `<svg xmlns="http://www.w3.org/2000/svg" width="310" height="305"><circle cx="99" cy="99" r="77" fill="${colour}"/></svg>`,
        ),
      ),
    );
    const controls = pngChunk('acTL', Buffer.of(0, 0, 0, 7, 0, 0, 0, 0));
    const photos = {
      'webp.webp': await sharp(frames, { join: { animated: true } })
        .webp({ lossless: true })
        .toBuffer(),
      'apng.png': Buffer.concat([frames[0]!.subarray(0, 33), controls, frames[0]!.subarray(33)]),
      'still.png': frames[0]!,
    };
    const { commits, feature, rejected } = await encodePhotos(rig, photos);
    expect(rejected.size).toBe(0);
    for (const name of ['webp', 'apng']) expect(feature(name)).toEqual(feature('still'));
    expect(commits.map(({ animated }) => animated)).toEqual([
      [
        { imageId: 'apng', frames: 7 },
        { imageId: 'webp', frames: 3 },
      ],
    ]);
  });
});
