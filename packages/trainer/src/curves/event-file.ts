import protobuf from 'protobufjs';
import type { FigureLine } from './metric-lines';

/** The part of TensorBoard's `event.proto` and `summary.proto` that scalars need. Field numbers are the format. */
const EVENT = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: { fields: { tag: { type: 'string', id: 1 }, simpleValue: { type: 'float', id: 2 } } },
  },
}).lookupType('Event');

/** TensorBoard reads files with `tfevents` in their name. */
export const EVENT_FILE = 'events.out.tfevents.showtell';

/** No figures: what they are told at. */
const COORDINATES = new Set(['event', 'step', 'epoch', 'time']);

/**
 * A training's figures as a TensorBoard event file: scalars `step/<name>` and `epoch/<name>` over the steps. Figures that are absent or
 * not finite are left out. The same lines give the same bytes.
 */
export function encodeEventFile(lines: readonly FigureLine[]): Buffer {
  const begun = lines[0]?.time ?? 0;
  return Buffer.concat([
    framed({ wallTime: begun, fileVersion: 'brain.Event:2' }),
    ...lines.map((line) => framed({ wallTime: line.time, step: line.step, summary: { value: scalarsOf(line) } })),
  ]);
}

function scalarsOf(line: FigureLine): { tag: string; simpleValue: number }[] {
  return Object.entries(line).flatMap(([name, value]) =>
    COORDINATES.has(name) || typeof value !== 'number' || !Number.isFinite(value)
      ? []
      : [{ tag: `${line.event}/${name}`, simpleValue: value }],
  );
}

/** A TFRecord: length, its checksum, the message, its checksum. */
function framed(event: Record<string, unknown>): Buffer {
  const body = EVENT.encode(event).finish();
  const frame = Buffer.alloc(12 + body.length + 4);
  frame.writeBigUInt64LE(BigInt(body.length));
  frame.writeUInt32LE(maskedCrc32c(frame.subarray(0, 8)), 8);
  frame.set(body, 12);
  frame.writeUInt32LE(maskedCrc32c(body), 12 + body.length);
  return frame;
}

/** Castagnoli's polynomial, reflected; Node's own `zlib.crc32` has another one. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/** TFRecord rotates and shifts checksums, so that one over data that holds checksums stays a good one. */
function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  crc = (crc ^ 0xffffffff) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
