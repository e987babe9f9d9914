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
const METADATA = '__metadata__';

/** Writes the tensors in the order given; `metadata` is text to text. The same input always gives the same bytes. */
export function encodeSafetensors(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>> = {}): Buffer {
  const header = new Map<string, unknown>(Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : []);
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    const elements = shape.reduce((product, size) => product * size, 1);
    if (elements !== data.length)
      throw new RangeError(`Expected ${elements} elements for tensor ${name} of shape [${shape.join(', ')}] but received ${data.length}`);
    if (header.has(name)) throw new RangeError(`Tensor ${name} is there twice`);
    header.set(name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] });
    offset += data.byteLength;
  }
  const text = JSON.stringify(Object.fromEntries(header));
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

const invalidFile = (where: string, problem: string, cause?: unknown) =>
  new ShowtellError('WEIGHTS_INVALID', `${where} is not a safetensors file: ${problem}`, { cause });

interface Header {
  /** As they stand there: nothing of them is checked. */
  readonly tensors: Readonly<Record<string, unknown>>;
  readonly metadata: Record<string, string>;
  readonly body: Buffer;
}

function decodeHeader(bytes: Uint8Array, where: string): Header {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 8) throw invalidFile(where, 'shorter than 8 bytes');
  const headerLength = Number(buffer.readBigUInt64LE(0));
  if (headerLength > MAX_HEADER_BYTES || 8 + headerLength > buffer.length)
    throw invalidFile(where, `its header claims ${headerLength} bytes`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(8, 8 + headerLength)));
  } catch (cause) {
    throw invalidFile(where, 'its header is not JSON', cause);
  }
  if (!isObject(header)) throw invalidFile(where, 'its header is no JSON object');
  const { [METADATA]: metadata = {}, ...tensors } = header;
  if (!isObject(metadata) || Object.values(metadata).some((value) => typeof value !== 'string'))
    throw invalidFile(where, `expected text for each name in ${METADATA} but received ${JSON.stringify(metadata).slice(0, 80)}`);
  return { tensors, metadata: metadata as Record<string, string>, body: buffer.subarray(8 + headerLength) };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What the file says of itself, without reading its tensors. @param where names the file in errors (`WEIGHTS_INVALID`). */
export function decodeMetadata(bytes: Uint8Array, where: string): Record<string, string> {
  return decodeHeader(bytes, where).metadata;
}

/**
 * Reads a whole file; every tensor is a copy, aligned for its type. As the format wants it, each byte belongs to exactly one tensor: a
 * small file cannot claim much memory, nor have something hidden in it.
 * @param where names the file in errors (`WEIGHTS_INVALID`).
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  where: string,
): { tensors: Map<string, NamedTensor>; metadata: Record<string, string> } {
  const invalid = (problem: string) => invalidFile(where, problem);
  const { tensors: header, metadata, body } = decodeHeader(bytes, where);
  const places = Object.entries(header).map(([name, tensor]) => ({ name, ...placeOf(name, tensor, invalid) }));
  let end = 0;
  for (const { name, start, bytes: length } of [...places].sort((a, b) => a.start - b.start || a.bytes - b.bytes)) {
    if (start !== end) throw invalid(`expected tensor ${name} to begin at byte ${end} but received ${start}`);
    end += length;
  }
  if (end !== body.length) throw invalid(`expected tensors of ${body.length} bytes but received ${end}`);
  return {
    tensors: new Map(
      places.map(({ name, dtype, shape, start, bytes: length }) => {
        const copy = new Uint8Array(body.subarray(start, start + length));
        return [name, { name, dtype, shape, data: new ELEMENT[dtype](copy.buffer) }];
      }),
    ),
    metadata,
  };
}

/** Where a tensor lies, behind the header. */
function placeOf(name: string, tensor: unknown, invalid: (problem: string) => ShowtellError) {
  const { dtype, shape, data_offsets: offsets } = isObject(tensor) ? tensor : {};
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT, dtype))
    throw invalid(`expected dtype ${Object.keys(ELEMENT).join(', ')} for tensor ${name} but received ${JSON.stringify(dtype)}`);
  if (!isSizes(shape)) throw invalid(`tensor ${name} has no shape`);
  const kind = dtype as keyof typeof ELEMENT;
  const bytes = shape.reduce((product, size) => product * size, ELEMENT[kind].BYTES_PER_ELEMENT);
  const [start, end] = isSizes(offsets) ? offsets : [];
  if (start === undefined || end === undefined || end - start !== bytes)
    throw invalid(`tensor ${name} lies at ${String(start)}–${String(end)} but its shape wants ${bytes} bytes`);
  return { dtype: kind, shape, start, bytes };
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
