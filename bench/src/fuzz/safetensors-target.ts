import { isDeepStrictEqual } from 'node:util';
import { decodeMetadata, decodeSafetensors, encodeSafetensors, type NamedTensor } from '@showtell/shared/safetensors';
import { changeJson } from './change-json';
import { expectThat, type FuzzTarget } from './fuzz-target';

const HEADER_LENGTH = 8;

/** Checkpoints and encoder weights. */
export const safetensorsTarget: FuzzTarget = {
  async seeds() {
    const f32 = (name: string, shape: number[]): NamedTensor => {
      const data = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, index) => index / 3);
      return { name, dtype: 'F32', shape, data };
    };
    return [
      encodeSafetensors([]),
      encodeSafetensors([f32('a', [2, 3]), f32('b/c', []), f32('empty', [0, 5])]),
      encodeSafetensors([f32('lstm/kernel', [4, 8]), { name: 'q', dtype: 'I8', shape: [3], data: Int8Array.of(-1, 0, 1) }], {
        format: '1',
      }),
      encodeSafetensors(
        [
          { name: 'u', dtype: 'U8', shape: [4], data: Uint8Array.of(1, 2, 3, 4) },
          { name: 'é', dtype: 'I32', shape: [1, 1], data: Int32Array.of(-7) },
        ],
        { encoder: 'inception-v3', input: 'x/255' },
      ),
    ];
  },
  words: [
    '"dtype":"F32"',
    '"shape":[',
    '"data_offsets":[0,0]',
    '__metadata__',
    '__proto__',
    'constructor',
    'null',
    '1e999',
    '-0',
    '{"',
    '\\u0000',
  ].map((text) => Buffer.from(text)),
  change(input, random) {
    const length = Number(input.length >= HEADER_LENGTH ? input.readBigUInt64LE() : 0n);
    const header = changeJson(input.toString('utf8', HEADER_LENGTH, HEADER_LENGTH + length), random);
    if (header === undefined) return input;
    return withHeader(header, input.subarray(HEADER_LENGTH + length));
  },
  covers: /\/safetensors\.js$/,
  mostBytes: 64 * 1_024,
  async check(input) {
    const metadata = decodeMetadata(input, 'input');
    const { tensors, metadata: again } = decodeSafetensors(input, 'input');
    expectThat(isDeepStrictEqual(metadata, again), () => 'its metadata is read in two ways');
    expectThat(
      Object.values(again).every((value) => typeof value === 'string'),
      () => `metadata that is no text: ${JSON.stringify(again)}`,
    );
    const rest = input.subarray(HEADER_LENGTH + Number(input.readBigUInt64LE()));
    const bytes = Buffer.concat(Array.from(tensors.values(), ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
    expectThat(bytes.length === rest.length, () => `tensors of ${bytes.length} bytes out of ${rest.length}`);
    const once = encodeSafetensors([...tensors.values()], again);
    const written = decodeSafetensors(once, 'again');
    expectThat(
      written.tensors.size === tensors.size && encodeSafetensors([...written.tensors.values()], written.metadata).equals(once),
      () => 'what was read is written as something else',
    );
    return 'accepted';
  },
};

function withHeader(header: string, body: Buffer): Buffer {
  const json = Buffer.from(header);
  const length = Buffer.alloc(HEADER_LENGTH);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, body]);
}
