import { PIXEL_BYTES, SIDE } from './limits';

/**
 * Plain bilinear to 299 × 299 with half-pixel centres and repeated edges, as Pillow enlarges.
 * libvips enlarges half an output pixel off. `rgb` is side × side × 3.
 */
export function enlarge(rgb: Buffer, side: number): Buffer {
  const places = Array.from({ length: SIDE }, (_, index) => {
    const place = Math.min(Math.max(((index + 0.5) * side) / SIDE - 0.5, 0), side - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, side - 1), share: place - low };
  });
  const pixels = Buffer.allocUnsafe(PIXEL_BYTES);
  let target = 0;
  for (const y of places) {
    for (const x of places) {
      for (let band = 0; band < 3; band++) {
        const at = (row: number, column: number) => rgb[(row * side + column) * 3 + band]!;
        const above = at(y.low, x.low) * (1 - x.share) + at(y.low, x.high) * x.share;
        const below = at(y.high, x.low) * (1 - x.share) + at(y.high, x.high) * x.share;
        pixels[target++] = Math.round(above * (1 - y.share) + below * y.share);
      }
    }
  }
  return pixels;
}
