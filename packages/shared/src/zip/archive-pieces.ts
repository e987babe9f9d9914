import { callbackify } from 'node:util';
import { RandomAccessReader } from 'yauzl';
import { ShowtellError } from '../errors';
import type { ObjectInfo, ObjectStore } from '../object-store/object-store';

/** Bytes that are asked for at once: the directory of some 10,000 photos. */
const PIECE_BYTES = 2 ** 20;
/** Pieces that are on their way or wait to be read; so much of an archive is in memory. */
const AHEAD = 4;

/**
 * Reads an archive for yauzl by ranges of one size, those that come next before they are asked for: its directory is read from begin
 * to end. Every range must be of the same object; another is `SOURCE_CHANGED`.
 */
export class ArchivePieces extends RandomAccessReader {
  private readonly pieces = new Map<number, Promise<Buffer>>();
  private readonly stopped = new AbortController();
  private readonly signal: AbortSignal;
  /** The piece that was read last: most reads are within it. */
  private current: { readonly index: number; readonly bytes: Buffer } | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly archive: ObjectInfo,
    signal?: AbortSignal,
  ) {
    super();
    this.signal = signal ? AbortSignal.any([signal, this.stopped.signal]) : this.stopped.signal;
  }

  override read(target: Buffer, begin: number, length: number, position: number, done: (error: Error | null) => void): void {
    if (this.take(target, begin, length, position)) return done(null);
    callbackify(() => this.fetch(target, begin, length, position))(done);
  }

  async bytes(position: number, length: number): Promise<Buffer> {
    const target = Buffer.alloc(length);
    await this.fetch(target, 0, length, position);
    return target;
  }

  /** Ends what is on its way. */
  async stop(): Promise<void> {
    this.stopped.abort(new Error('The directory is not read any more'));
    await Promise.allSettled(this.pieces.values());
  }

  private take(target: Buffer, begin: number, length: number, position: number): boolean {
    if (!this.current) return false;
    const from = position - this.current.index * PIECE_BYTES;
    if (from < 0 || from + length > this.current.bytes.length) return false;
    this.current.bytes.copy(target, begin, from, from + length);
    return true;
  }

  private async fetch(target: Buffer, begin: number, length: number, position: number): Promise<void> {
    if (position + length > this.archive.bytes) throw new Error('unexpected EOF');
    for (let copied = 0; copied < length; ) {
      const at = position + copied;
      const index = Math.floor(at / PIECE_BYTES);
      const bytes = await this.piece(index);
      this.current = { index, bytes };
      const from = at - index * PIECE_BYTES;
      copied += bytes.copy(target, begin + copied, from, from + length - copied);
    }
  }

  private piece(index: number): Promise<Buffer> {
    for (const known of this.pieces.keys()) if (known < index || known >= index + AHEAD) this.pieces.delete(known);
    for (let next = index; next < index + AHEAD && next * PIECE_BYTES < this.archive.bytes; next++)
      if (!this.pieces.has(next)) this.pieces.set(next, this.request(next));
    return this.pieces.get(index)!;
  }

  private request(index: number): Promise<Buffer> {
    const { key, etag, bytes } = this.archive;
    const range = { start: index * PIECE_BYTES, end: Math.min((index + 1) * PIECE_BYTES, bytes) - 1 };
    const piece = this.store.get(key, { range, ifMatch: etag, signal: this.signal }).then((found) => {
      if (found === undefined)
        throw new ShowtellError('SOURCE_CHANGED', `${key} in ${this.store.url} was there a moment ago and is gone now`);
      return found.body;
    });
    // Awaited when it is read, if it ever is; until then its failure must not count as unhandled.
    piece.catch(() => {});
    return piece;
  }
}
