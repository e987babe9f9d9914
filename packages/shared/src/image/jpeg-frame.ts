export interface JpegFrame {
  readonly width: number;
  readonly height: number;
}

/** First bytes of segments that may turn the picture or lay a second one over it. */
const MEANINGFUL = ['Exif\0', 'MPF\0', 'urn:'];

/**
 * Size of a plain JPEG: 8-bit, three components, nothing in its header that says how to turn or combine it. `undefined` for every
 * other file, also a damaged one. Most photos are plain, and asking libvips costs a tenth of what preparing them does.
 */
export function plainJpegFrame(bytes: Buffer): JpegFrame | undefined {
  let frame: JpegFrame | undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    const body = at + 4;
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    if (marker === 0xda) return frame;
    if (end > bytes.length) return undefined;
    if (isFrame(marker)) {
      // Baseline, extended and progressive alone have plain components; a second frame is no photo's.
      if (frame !== undefined || marker > 0xc2 || end < body + 6 || bytes[body] !== 8 || bytes[body + 5] !== 3) return undefined;
      frame = { height: bytes.readUInt16BE(body + 1), width: bytes.readUInt16BE(body + 3) };
      if (frame.width === 0 || frame.height === 0) return undefined;
    } else if (isApplication(marker)) {
      const start = bytes.toString('latin1', body, Math.min(end, body + 5));
      if (MEANINGFUL.some((name) => start.startsWith(name))) return undefined;
    } else if (!isTable(marker)) return undefined;
    at = end;
  }
  return undefined;
}

const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
const isApplication = (marker: number) => marker >= 0xe0 && marker <= 0xef;
/** Huffman and quantisation tables, restart interval, comment. */
const isTable = (marker: number) => marker === 0xc4 || marker === 0xdb || marker === 0xdd || marker === 0xfe;
