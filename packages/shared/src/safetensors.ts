import { ShowtellError } from './errors';

/** One tensor of a safetensors file (https://github.com/huggingface/safetensors): row-major, little-endian. */
export interface NamedTensor {
  readonly name: string;
  readonly dtype: 'F32' | 'I8' | 'U8' | 'I32';
  readonly shape: readonly number[];
  readonly data: Float32Array | Int8Array | Uint8Array | Int32Array;
}

const ELEMENT = { F32: Float32Array, I8: Int8Array, U8: Uint8Array, I32: Int32Array } as const;
const MAX_HEADER_BYTES = 100_000_000;

/** Writes the tensors in the order given; `metadata` is text to text. The same input always gives the same bytes. */
export function encodeSafetensors(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>> = {}): Buffer {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length)
      throw new RangeError(`Expected ${elements} elements for tensor ${name} of shape [${shape.join(', ')}] but received ${data.length}`);
    if (name in header) throw new RangeError(`Tensor ${name} is there twice`);
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  // The body begins on an 8-byte boundary, so that readers may map it in place.
  const json = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...tensors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))]);
}

/** Whether a file begins as one of safetensors does: the length of a header that fits into 32 bits, then the header, a JSON object. */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);
}

type Header = Record<string, { dtype: keyof typeof ELEMENT; shape: number[]; data_offsets: [number, number] }>;

const invalidFile = (where: string, problem: string, cause?: unknown) =>
  new ShowtellError('WEIGHTS_INVALID', `${where} is not a safetensors file: ${problem}`, { cause });

function decodeHeader(bytes: Uint8Array, where: string): { tensors: Header; metadata: Record<string, string>; body: Buffer } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 8) throw invalidFile(where, 'shorter than 8 bytes');
  const headerLength = Number(buffer.readBigUInt64LE(0));
  if (headerLength > MAX_HEADER_BYTES || 8 + headerLength > buffer.length)
    throw invalidFile(where, `its header claims ${headerLength} bytes`);
  try {
    const header = JSON.parse(buffer.toString('utf8', 8, 8 + headerLength)) as Header & { __metadata__?: Record<string, string> };
    const { __metadata__: metadata = {}, ...tensors } = header;
    return { tensors, metadata, body: buffer.subarray(8 + headerLength) };
  } catch (cause) {
    throw invalidFile(where, 'its header is not JSON', cause);
  }
}

/** What the file says of itself, without reading its tensors. @param where names the file in errors (`WEIGHTS_INVALID`). */
export function decodeMetadata(bytes: Uint8Array, where: string): Record<string, string> {
  return decodeHeader(bytes, where).metadata;
}

/**
 * Reads a whole file; every tensor is a copy, aligned for its type.
 * @param where names the file in errors (`WEIGHTS_INVALID`).
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  where: string,
): { tensors: Map<string, NamedTensor>; metadata: Record<string, string> } {
  const invalid = (problem: string) => invalidFile(where, problem);
  const { tensors: header, metadata, body } = decodeHeader(bytes, where);
  const tensors = new Map<string, NamedTensor>();
  for (const [name, tensor] of Object.entries(header)) {
    const Type = ELEMENT[tensor?.dtype];
    const [start, end] = tensor?.data_offsets ?? [];
    if (Type === undefined) throw invalid(`tensor ${name} has dtype ${tensor?.dtype}`);
    if (!Array.isArray(tensor.shape) || !tensor.shape.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw invalid(`tensor ${name} has no shape`);
    const expected = tensor.shape.reduce((product, size) => product * size, Type.BYTES_PER_ELEMENT);
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end > body.length || end - start !== expected) {
      throw invalid(`tensor ${name} lies at ${String(start)}–${String(end)} of ${body.length} bytes but its shape wants ${expected}`);
    }
    const copy = new Uint8Array(expected);
    copy.set(body.subarray(start, end));
    tensors.set(name, { name, dtype: tensor.dtype, shape: tensor.shape, data: new Type(copy.buffer) });
  }
  return { tensors, metadata };
}
