import { allowDrawing, sharp } from './libvips';

/** Draws SVG text at its own size as an opaque PNG. Only for text that Showtell itself made: SVG of others can load files. */
export async function renderSvg(svg: string): Promise<Buffer> {
  allowDrawing();
  return sharp(Buffer.from(svg)).flatten({ background: '#ffffff' }).png({ compressionLevel: 6 }).toBuffer();
}
