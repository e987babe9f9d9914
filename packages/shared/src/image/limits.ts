/** Side of a prepared picture, in pixels. */
export const SIDE = 299;
/** Bytes of a prepared picture: 299 × 299 × RGB. */
export const PIXEL_BYTES = SIDE * SIDE * 3;
/** Files above this are `TOO_LARGE`; they are not downloaded. */
export const MAX_FILE_BYTES = 64 * 2 ** 20;
/** Pictures above this are `TOO_MANY_PIXELS`; only their header is read. Decoded, such a picture takes 300 MB. */
export const MAX_PIXELS = 100_000_000;
