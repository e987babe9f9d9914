import { pixelBytes } from './limits';

/**
 * Plain bilinear from `from` × `from` × 3 to `side` × `side` × 3 with half-pixel centres and repeated edges, as Pillow enlarges.
 * libvips enlarges half an output pixel off.
 */
export function enlarge(rgb: Buffer, from: number, side: number): Buffer {
  const low = new Int32Array(side);
  const high = new Int32Array(side);
  const share = new Float32Array(side);
  for (let index = 0; index < side; index++) {
    const place = Math.min(Math.max(((index + 0.5) * from) / side - 0.5, 0), from - 1);
    low[index] = Math.floor(place);
    high[index] = Math.min(low[index]! + 1, from - 1);
    share[index] = place - low[index]!;
  }
  const wide = new Float32Array(from * side * 3);
  for (let row = 0; row < from; row++) {
    for (let x = 0; x < side; x++) {
      const left = (row * from + low[x]!) * 3;
      const right = (row * from + high[x]!) * 3;
      const to = (row * side + x) * 3;
      for (let band = 0; band < 3; band++) wide[to + band] = rgb[left + band]! + (rgb[right + band]! - rgb[left + band]!) * share[x]!;
    }
  }
  const pixels = Buffer.allocUnsafe(pixelBytes(side));
  const rowLength = side * 3;
  for (let y = 0; y < side; y++) {
    const above = low[y]! * rowLength;
    const below = high[y]! * rowLength;
    for (let x = 0; x < rowLength; x++)
      pixels[y * rowLength + x] = wide[above + x]! + (wide[below + x]! - wide[above + x]!) * share[y]! + 0.5;
  }
  return pixels;
}
