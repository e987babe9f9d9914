import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { ShowtellError } from '../errors';
import { enlarge } from './enlarge';
import { endsEarly, type ImageFormat, pngFrames, sniffFormat } from './format';
import { plainJpegFrame } from './jpeg-frame';
import { sharp } from './libvips';
import { MAX_FILE_BYTES, MAX_PIXELS, SIDE } from './limits';
import { PixelBudget } from './pixel-budget';

/**
 * Warnings count: libjpeg decodes on over damaged data and only warns. The limit on pixels is checked before decoding.
 * Colour profiles are not followed, as Keras and Pillow do not when they load a photo, on which the encoder's weights were fitted.
 */
const DECODE: SharpOptions = { autoOrient: true, failOn: 'warning', ignoreIcc: true, limitInputPixels: MAX_PIXELS };

/** The largest picture takes more than 1 GB in its worst form, interlaced 16-bit RGBA: several large ones do not at once. */
const decoding = new PixelBudget(MAX_PIXELS);

export interface PreparedImage {
  /** side × side × 3 RGB, uint8, row after row. */
  readonly pixels: Buffer;
  readonly format: ImageFormat;
  /** Size of the upright picture. */
  readonly width: number;
  readonly height: number;
  /** The square that was taken, in the upright picture. */
  readonly crop: Crop;
  /** Frames in the file; the first is taken. */
  readonly frames: number;
}

export interface Crop {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/**
 * Brings a photo to what the encoder sees: upright, 8-bit sRGB without alpha, the centre square, side × side.
 * Throws `UNSUPPORTED_FORMAT`, `TOO_LARGE`, `TOO_MANY_PIXELS`, `TRUNCATED` or `CORRUPT_IMAGE`.
 */
export async function prepare(bytes: Buffer, side = SIDE): Promise<PreparedImage> {
  if (bytes.length > MAX_FILE_BYTES) throw tooLarge(bytes.length);
  const format = sniffFormat(bytes);
  if (format === undefined)
    throw new ShowtellError('UNSUPPORTED_FORMAT', `Expected a JPEG, PNG or WebP picture but received ${describe(bytes)}`);
  try {
    const { width, height, frames, space, plain } = await readHeader(bytes, format);
    if (width * height > MAX_PIXELS)
      throw new ShowtellError('TOO_MANY_PIXELS', `Expected at most ${MAX_PIXELS} pixels but received ${width} × ${height}`);
    const crop = centreSquare(width, height);
    // In one pass only a shrunk square that takes in every row gives the same pixels. A tenth of the work is saved.
    const pixels = await decoding.run(width * height, async () =>
      plain && crop.side === height && crop.side >= side
        ? resizeInOnePass(bytes, crop, side)
        : resize(await decodeSquare(bytes, space, height, crop), crop.side, side),
    );
    return { pixels, format, width, height, crop, frames };
  } catch (error) {
    if (error instanceof ShowtellError) throw error;
    const message = error instanceof Error ? error.message.replaceAll('\n', ' ').trim() : String(error);
    throw new ShowtellError(
      endsEarly(bytes, format) ? 'TRUNCATED' : 'CORRUPT_IMAGE',
      `The ${format.toUpperCase()} cannot be decoded: ${message}`,
      {
        cause: error,
      },
    );
  }
}

export function tooLarge(bytes: number): ShowtellError {
  return new ShowtellError('TOO_LARGE', `Expected a file of at most ${MAX_FILE_BYTES} bytes but received ${bytes}`);
}

/** The greatest square in the middle; where the margins differ by one pixel, the left or upper one is the wider. */
export function centreSquare(width: number, height: number): Crop {
  const side = Math.min(width, height);
  return { left: Math.ceil((width - side) / 2), top: Math.ceil((height - side) / 2), side };
}

interface Header extends Pick<PreparedImage, 'width' | 'height' | 'frames'> {
  readonly space: Metadata['space'];
  /** 8-bit RGB without alpha. */
  readonly plain: boolean;
}

async function readHeader(bytes: Buffer, format: ImageFormat): Promise<Header> {
  const frame = format === 'jpeg' ? plainJpegFrame(bytes) : undefined;
  if (frame !== undefined) return { ...frame, frames: 1, space: 'srgb', plain: true };
  const { autoOrient, pages, space, channels, depth } = await sharp(bytes, { ...DECODE, limitInputPixels: false }).metadata();
  const frames = format === 'png' ? pngFrames(bytes) : (pages ?? 1);
  return { ...autoOrient, frames, space, plain: space === 'srgb' && channels === 3 && depth === 'uchar' };
}

function resizeInOnePass(bytes: Buffer, { left, top, side: width }: Crop, side: number): Promise<Buffer> {
  return sharp(bytes, DECODE).extract({ left, top, width, height: width }).resize(side, side, { kernel: 'linear' }).raw().toBuffer();
}

/**
 * The square as 8-bit RGB. sharp reads no row it does not need, so all rows are decoded first, of the square's columns:
 * damage below the square would go unseen otherwise. Alpha goes before the resize, which would turn what is transparent black.
 */
async function decodeSquare(bytes: Buffer, space: Metadata['space'], height: number, { left, top, side }: Crop): Promise<Buffer> {
  const columns = sharp(bytes, DECODE).extract({ left, top: 0, width: side, height });
  const rows = space === 'cmyk' ? rgbFromCmyk(await rawCmyk(columns)) : await columns.toColourspace('srgb').removeAlpha().raw().toBuffer();
  return rows.subarray(top * side * 3, (top + side) * side * 3);
}

function rawCmyk(picture: Sharp): Promise<Buffer> {
  return picture.pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
}

/** The plain formula, as Pillow has it: libvips would assume a printer's profile, which nobody named. */
function rgbFromCmyk(cmyk: Buffer): Buffer {
  const rgb = Buffer.allocUnsafe((cmyk.length / 4) * 3);
  for (let pixel = 0; pixel < cmyk.length / 4; pixel++) {
    const white = 255 - cmyk[pixel * 4 + 3]!;
    for (let band = 0; band < 3; band++) rgb[pixel * 3 + band] = white - Math.round((cmyk[pixel * 4 + band]! * white) / 255);
  }
  return rgb;
}

async function resize(rgb: Buffer, from: number, side: number): Promise<Buffer> {
  if (from < side) return enlarge(rgb, from, side);
  return sharp(rgb, { raw: { width: from, height: from, channels: 3 } })
    .resize(side, side, { kernel: 'linear' })
    .raw()
    .toBuffer();
}

function describe(bytes: Buffer): string {
  if (bytes.length === 0) return 'an empty file';
  return `${bytes.length} bytes beginning with ${JSON.stringify(bytes.toString('latin1', 0, 12))}`;
}
