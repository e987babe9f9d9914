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
