import sharp from 'sharp';

// Several pictures are prepared at once, each on a thread of its own; threads within one picture would only get in their way.
sharp.concurrency(1);
// No picture is prepared twice.
sharp.cache(false);

// Whatever a file pretends to be, nothing but these three decoders ever sees bytes of others: each loader is an attack surface of its own
// (ImageMagick, Poppler, librsvg, which loads files), and the libvips of a system may bring more of them than sharp's own.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'] });

/** For programs that draw pictures of their own; what others send is told by its first bytes before libvips sees it. */
export function allowDrawing(): void {
  sharp.unblock({ operation: ['VipsForeignLoadSvgBuffer'] });
}

/** The only way to libvips: no loader but those of JPEG, PNG and WebP is enabled. */
export { sharp };
