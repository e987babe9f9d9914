import { decodeSafetensors, encodeSafetensors } from '../src/safetensors';

const weights = [
  { name: 'b/kernel', dtype: 'F32' as const, shape: [2, 2], data: Float32Array.of(1, -2, 3.5, 0) },
  { name: 'a', dtype: 'I8' as const, shape: [3], data: Int8Array.of(-128, 0, 127) },
];

test('what was written is read back, in order', () => {
  const bytes = encodeSafetensors(weights, { note: 'x' });
  const { tensors, metadata } = decodeSafetensors(bytes, 'test');
  expect([...tensors.values()]).toEqual(weights);
  expect(metadata).toEqual({ note: 'x' });
  expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
});

test.each([
  ['empty', Buffer.alloc(0)],
  ['a header longer than the file', Buffer.from([255, 0, 0, 0, 0, 0, 0, 0, 123])],
  ['truncated', encodeSafetensors(weights).subarray(0, -1)],
])('%s is refused', (_name, bytes) => {
  expect(() => decodeSafetensors(bytes, 'w.safetensors')).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID' }));
});

const f32 = (start: number, end: number, shape: unknown = [(end - start) / 4]) => ({ dtype: 'F32', shape, data_offsets: [start, end] });
const fileOf = (header: unknown, body: number) => {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header), 'latin1');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(body)]);
};

test.each<[string, unknown, number]>([
  ['no object', [], 0],
  ['null', null, 0],
  ['not UTF-8', '{"\xff":1}', 0],
  ['a tensor that is null', { a: null }, 0],
  ['a tensor without an offset', { a: { dtype: 'F32', shape: [1] } }, 4],
  ['offsets that are a number', { a: { dtype: 'F32', shape: [1], data_offsets: 4 } }, 4],
  ['offsets that are no numbers', { a: { dtype: 'F32', shape: [1], data_offsets: ['0', '4'] } }, 4],
  ['a negative offset', { a: f32(-4, 0) }, 4],
  ['a type of every object', { a: { ...f32(0, 4), dtype: 'constructor' } }, 4],
  ['a shape of negative numbers', { a: f32(0, 4, [-1, -1]) }, 4],
  ['a shape beyond all numbers', { a: f32(0, 4, [2 ** 52, 2 ** 52, 2 ** 52]) }, 4],
  ['a shape that wants more than there is', { a: f32(0, 4, [2]) }, 4],
  ['metadata that are no object', { __metadata__: null, a: f32(0, 4) }, 4],
  ['metadata that are no text', { __metadata__: { format: true }, a: f32(0, 4) }, 4],
  ['a tensor behind the end', { a: f32(4, 8) }, 4],
  ['bytes that are of no tensor, before', { a: f32(4, 8) }, 8],
  ['bytes that are of no tensor, between', { a: f32(0, 4), b: f32(8, 12) }, 12],
  ['bytes that are of no tensor, behind', { a: f32(0, 4) }, 8],
  ['bytes of two tensors', { a: f32(0, 8), b: f32(4, 12) }, 12],
  ['all bytes again and again', Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [index, f32(0, 4096)])), 4096],
  ['one name twice', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', 8],
])('a header with %s is refused', (_name, header, body) => {
  expect(() => decodeSafetensors(fileOf(header, body), 'w.safetensors')).toThrow(
    expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining('w.safetensors is not a safetensors file') }),
  );
});

test('names that every object has are names like others', () => {
  const tensors = ['__proto__', 'constructor', 'toString'].map((name) => ({ ...weights[0]!, name }));
  expect([...decodeSafetensors(encodeSafetensors(tensors), 'w').tensors.values()]).toEqual(tensors);
});

test('tensors may lie in another order than they are named, and be empty', () => {
  const file = fileOf({ b: f32(4, 12), none: f32(4, 4, [0, 3]), a: f32(0, 4) }, 12);
  expect(Array.from(decodeSafetensors(file, 'w').tensors.values(), ({ name, data }) => [name, data.length])).toEqual([
    ['b', 2],
    ['none', 0],
    ['a', 1],
  ]);
});
