/** Side of a prepared picture in pixels, as InceptionV3 sees it. Other encoders have other sides. */
export const SIDE = 299;
/** Sides that pictures can be prepared with. */
export const SIDES = { least: 16, most: 1_024 } as const;
/** Bytes of a prepared picture: side × side × RGB. */
export const pixelBytes = (side: number) => side * side * 3;
export const PIXEL_BYTES = pixelBytes(SIDE);
/** Files above this are `TOO_LARGE`; they are not downloaded. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;
/** Pictures above this are `TOO_MANY_PIXELS`; only their header is read. Decoding such a picture takes 0.4 to 1.1 GB. */
export const MAX_PIXELS = 100_000_000;
