import { crc32 } from 'node:zlib';
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

const MAGIC = 'SHOWPX02';
const HEADER_AT = MAGIC.length + 4;

const Header = z.object({
  /** sha256 of the plan shard that the block was made for: a run of the same name with another plan must not take it. */
  planSha256: z.string(),
  imageIds: z.array(z.string()),
  rejected: z.array(Rejection),
  animated: z.array(Animated),
  bytes: z.int(),
  /** Of the pixels: against what memory and network do to them. Nobody's malice: who writes to Redis can write another checksum. */
  crc32: z.int(),
});

/** The block of these rows as it lies in Redis: magic, header length (uint32, little endian), header as JSON, pixels. */
export function encodePixelBlock(planSha256: string, rows: readonly PreparedRow[]): Buffer {
  const { imageIds, rejected, animated, pixels } = sortRows(rows);
  const bytes = pixels.reduce((sum, { length }) => sum + length, 0);
  const checksum = pixels.reduce((value, own) => crc32(own, value), 0);
  const header = Buffer.from(JSON.stringify({ planSha256, imageIds, rejected, animated, bytes, crc32: checksum }));
  const start = Buffer.alloc(HEADER_AT);
  start.write(MAGIC, 'latin1');
  start.writeUInt32LE(header.length, MAGIC.length);
  // Straight from the rows: each further copy of the pixels costs as much as a hundredth of preparing them.
  return Buffer.concat([start, header, ...pixels]);
}

/** The block, or `undefined` when the bytes are not a whole block of that plan shard: pixels can always be prepared again. */
export function decodePixelBlock(planSha256: string, bytes: Buffer): PixelBlock | undefined {
  if (bytes.length < HEADER_AT || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  const pixelsAt = HEADER_AT + bytes.readUInt32LE(MAGIC.length);
  const header = parseHeader(bytes.subarray(HEADER_AT, pixelsAt));
  const pixels = bytes.subarray(pixelsAt);
  if (header?.planSha256 !== planSha256 || header.bytes !== pixels.length || header.crc32 !== crc32(pixels)) return undefined;
  return { imageIds: header.imageIds, rejected: header.rejected, animated: header.animated, pixels };
}

function parseHeader(bytes: Buffer): z.infer<typeof Header> | undefined {
  try {
    return Header.safeParse(JSON.parse(bytes.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
