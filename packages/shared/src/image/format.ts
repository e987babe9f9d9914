/** Formats that are decoded. What a file is follows from its content; its name says nothing. */
export type ImageFormat = 'jpeg' | 'png' | 'webp';

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const JPEG_END = Buffer.of(0xff, 0xd9);
const JPEG_SCAN = Buffer.of(0xff, 0xda);

export function sniffFormat(bytes: Buffer): ImageFormat | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'jpeg';
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return 'png';
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') return 'webp';
  return undefined;
}

/** Whether the container ends before it says so. Decoders word that in many ways; the structure has one. */
export function endsEarly(bytes: Buffer, format: ImageFormat): boolean {
  if (format === 'png') return !pngChunks(bytes).some(({ type }) => type === 'IEND');
  if (format === 'webp') return bytes.length < 12 || bytes.readUInt32LE(4) + 8 > bytes.length;
  // A thumbnail within the header has an end of its own, so the end must come after the last scan begins.
  return !bytes.includes(JPEG_END) || bytes.lastIndexOf(JPEG_END) < bytes.lastIndexOf(JPEG_SCAN);
}

/** Frames of an animated PNG (libvips sees only its first), else 1. */
export function pngFrames(bytes: Buffer): number {
  const animation = pngChunks(bytes).find(({ type }) => type === 'acTL');
  return animation === undefined ? 1 : bytes.readUInt32BE(animation.start);
}

/** The chunks that are there as a whole. */
function pngChunks(bytes: Buffer): { type: string; start: number }[] {
  const chunks: { type: string; start: number }[] = [];
  let offset = PNG_SIGNATURE.length;
  while (offset + 12 <= bytes.length) {
    const end = offset + 12 + bytes.readUInt32BE(offset);
    if (end > bytes.length) break;
    chunks.push({ type: bytes.toString('latin1', offset + 4, offset + 8), start: offset + 8 });
    offset = end;
  }
  return chunks;
}
