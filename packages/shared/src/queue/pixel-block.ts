import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { z } from 'zod';
import { Animated, Rejection } from '../schema/shard';
import type { PreparedRow } from '../source/prepare-rows';

/** One micro-batch of a shard: the pixels of the samples that could be prepared, and the rejections of the others, in plan order. */
export interface PixelBlock {
  readonly imageIds: readonly string[];
  readonly rejected: readonly Rejection[];
  /** Of `imageIds`. */
  readonly animated: readonly Animated[];
  /** imageIds.length × side × side × 3 RGB uint8 */
  readonly pixels: Buffer;
}

/** Groups prepared rows by `microBatch`, rejected ones counted. */
export async function* inMicroBatches(
  prepared: AsyncIterable<PreparedRow>,
  microBatch: number,
): AsyncGenerator<readonly PreparedRow[], void, undefined> {
  let rows: PreparedRow[] = [];
  for await (const row of prepared) {
    rows.push(row);
    if (rows.length < microBatch) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

/** One block of rows that are prepared, in their order. */
export function toPixelBlock(rows: readonly PreparedRow[]): PixelBlock {
  const { pixels, ...rest } = sortRows(rows);
  return { ...rest, pixels: Buffer.concat(pixels) };
}

function sortRows(rows: readonly PreparedRow[]) {
  const kept = rows.filter((row) => row.rejection === undefined);
  return {
    imageIds: kept.map(({ row }) => row.imageId),
    rejected: rows.flatMap(({ rejection }) => rejection ?? []),
    animated: rows.flatMap(({ animated }) => animated ?? []),
    pixels: kept.map(({ pixels }) => pixels),
  };
}

/** Blocks that follow each other in a plan, as one. */
export function joinPixelBlocks(blocks: readonly PixelBlock[]): PixelBlock {
  if (blocks.length === 1) return blocks[0]!;
  return {
    imageIds: blocks.flatMap(({ imageIds }) => imageIds),
    rejected: blocks.flatMap(({ rejected }) => rejected),
    animated: blocks.flatMap(({ animated }) => animated),
    pixels: Buffer.concat(blocks.map(({ pixels }) => pixels)),
  };
}

const MAGIC = 'SHOWPX03';
const LENGTH_AT = MAGIC.length;
const NONCE_AT = LENGTH_AT + 4;
const TAG_AT = NONCE_AT + 12;
const HEADER_AT = TAG_AT + 16;
/** Authenticates and encrypts nothing: with AES in hardware it is quicker than a checksum. */
const CIPHER = 'aes-256-gcm';

/** What a block is of: one of another run, plan or micro-batch must not be taken for it. */
export interface BlockPlace {
  readonly run: string;
  /** sha256 of the plan shard. */
  readonly planSha256: string;
  readonly microBatch: number;
}

const Header = z.object({
  run: z.string(),
  planSha256: z.string(),
  microBatch: z.int(),
  imageIds: z.array(z.string()),
  rejected: z.array(Rejection),
  animated: z.array(Animated),
});

/** The block of these rows as it lies in Redis: magic, header length (uint32, little endian), nonce, tag, header as JSON, pixels. */
export function encodePixelBlock(key: Buffer, { run, planSha256, microBatch }: BlockPlace, rows: readonly PreparedRow[]): Buffer {
  const { pixels, ...ids } = sortRows(rows);
  const header = Buffer.from(JSON.stringify({ run, planSha256, microBatch, ...ids } satisfies z.infer<typeof Header>));
  const start = Buffer.alloc(HEADER_AT);
  start.write(MAGIC, 'latin1');
  start.writeUInt32LE(header.length, LENGTH_AT);
  randomFillSync(start, NONCE_AT, TAG_AT - NONCE_AT);
  const cipher = createCipheriv(CIPHER, key, start.subarray(NONCE_AT, TAG_AT));
  for (const part of [start.subarray(0, NONCE_AT), header, ...pixels]) cipher.setAAD(part);
  cipher.final();
  cipher.getAuthTag().copy(start, TAG_AT);
  // Straight from the rows: each further copy of the pixels costs as much as a hundredth of preparing them.
  return Buffer.concat([start, header, ...pixels]);
}

/**
 * The block, or `undefined` when the bytes are not that block as somebody with the key has made it: pixels can always be prepared
 * again. Nothing is parsed before that is sure.
 */
export function decodePixelBlock(key: Buffer, place: BlockPlace, bytes: Buffer): PixelBlock | undefined {
  if (bytes.length < HEADER_AT || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC || !isAuthentic(key, bytes)) return undefined;
  const pixelsAt = HEADER_AT + bytes.readUInt32LE(LENGTH_AT);
  const header = Header.parse(JSON.parse(bytes.toString('utf8', HEADER_AT, pixelsAt)));
  const { run, planSha256, microBatch, ...ids } = header;
  if (run !== place.run || planSha256 !== place.planSha256 || microBatch !== place.microBatch) return undefined;
  return { ...ids, pixels: bytes.subarray(pixelsAt) };
}

function isAuthentic(key: Buffer, bytes: Buffer): boolean {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(NONCE_AT, TAG_AT), { authTagLength: HEADER_AT - TAG_AT });
  decipher.setAuthTag(bytes.subarray(TAG_AT, HEADER_AT));
  for (const part of [bytes.subarray(0, NONCE_AT), bytes.subarray(HEADER_AT)]) decipher.setAAD(part);
  try {
    decipher.final();
    return true;
  } catch {
    // The one thing that it can say: another tag.
    return false;
  }
}
