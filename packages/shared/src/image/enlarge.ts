import { PIXEL_BYTES, SIDE } from './limits';

/**
 * Plain bilinear to 299 × 299 with half-pixel centres and repeated edges, as Pillow enlarges.
 * libvips enlarges half an output pixel off. `rgb` is side × side × 3.
 */
export function enlarge(rgb: Buffer, side: number): Buffer {
  const low = new Int32Array(SIDE);
  const high = new Int32Array(SIDE);
  const share = new Float32Array(SIDE);
  for (let index = 0; index < SIDE; index++) {
    const place = Math.min(Math.max(((index + 0.5) * side) / SIDE - 0.5, 0), side - 1);
    low[index] = Math.floor(place);
    high[index] = Math.min(low[index]! + 1, side - 1);
    share[index] = place - low[index]!;
  }
  const wide = new Float32Array(side * SIDE * 3);
  for (let row = 0; row < side; row++) {
    for (let x = 0; x < SIDE; x++) {
      const left = (row * side + low[x]!) * 3;
      const right = (row * side + high[x]!) * 3;
      const to = (row * SIDE + x) * 3;
      for (let band = 0; band < 3; band++) wide[to + band] = rgb[left + band]! + (rgb[right + band]! - rgb[left + band]!) * share[x]!;
    }
  }
  const pixels = Buffer.allocUnsafe(PIXEL_BYTES);
  const rowLength = SIDE * 3;
  for (let y = 0; y < SIDE; y++) {
    const above = low[y]! * rowLength;
    const below = high[y]! * rowLength;
    for (let x = 0; x < rowLength; x++)
      pixels[y * rowLength + x] = wide[above + x]! + (wide[below + x]! - wide[above + x]!) * share[y]! + 0.5;
  }
  return pixels;
}
