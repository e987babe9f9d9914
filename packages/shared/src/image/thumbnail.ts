import { ShowtellError } from '../errors';
import { sniffFormat } from './format';
import { sharp } from './libvips';
import { MAX_PIXELS } from './limits';

const QUALITY = 80;

/**
 * A photo as a small JPEG, upright, at most `side` pixels wide and high; a smaller one keeps its size.
 * Throws `UNSUPPORTED_FORMAT` or `CORRUPT_IMAGE`.
 */
export async function thumbnail(bytes: Buffer, side: number): Promise<Buffer> {
  if (sniffFormat(bytes) === undefined)
    throw new ShowtellError('UNSUPPORTED_FORMAT', 'Expected a JPEG, PNG or WebP picture but received something else');
  try {
    return await sharp(bytes, { autoOrient: true, limitInputPixels: MAX_PIXELS })
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .jpeg({ quality: QUALITY })
      .toBuffer();
  } catch (cause) {
    throw new ShowtellError('CORRUPT_IMAGE', `The picture cannot be decoded: ${(cause as Error).message}`, { cause });
  }
}
