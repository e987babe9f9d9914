import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '@showtell/shared/safetensors';
import { decodeEncoderFile } from '../../../src/encoder/encoder-file';
import { decodeInt8Weights, encodeInt8Weights } from '../../../src/encoder/int8/int8-weights';
import { narrowInt8Weights } from '../../narrow-int8-weights';
import { narrowWeights } from '../../narrow-weights';
import { pictures } from '../engines/contract';

const calibrated = narrowInt8Weights(1, pictures(1));

/** The file with one tensor or word of its metadata replaced. */
async function changed(tensor: Partial<NamedTensor> & { name: string }, words: Record<string, string> = {}): Promise<Buffer> {
  const { tensors, metadata } = decodeSafetensors((await calibrated).safetensors, 'a file');
  const list = [...tensors.values()].map((one) => (one.name === tensor.name ? { ...one, ...tensor } : one));
  return encodeSafetensors(list, { ...metadata, ...words });
}

describe('int8 weights', () => {
  test('come back from their file as they were', async () => {
    const { int8, safetensors } = await calibrated;
    expect(decodeInt8Weights(safetensors, 'a file')).toEqual(int8);
    expect(encodeInt8Weights(decodeInt8Weights(safetensors, 'a file')).equals(safetensors)).toBe(true);
  });

  test('say in their metadata what they are, by which an encoder file is told apart', async () => {
    const { int8, safetensors } = await calibrated;
    const { metadata, tensors } = decodeSafetensors(safetensors, 'a file');
    expect(metadata).toEqual({ encoder: 'inception-v3', format: '1', precision: 'int8', source: narrowWeights(1).sha256 });
    // Nine convolutions are pooled, and have two numbers more.
    expect(tensors.size).toBe(94 * 4 + 9 * 2);
    expect(decodeEncoderFile(safetensors, 'a file')).toMatchObject({ kind: 'inception-v3-int8', dimension: int8.dimension });
    expect(decodeEncoderFile(narrowWeights(1).safetensors, 'a file')).toMatchObject({ kind: 'inception-v3' });
  });

  test.each<[string, Partial<NamedTensor> & { name: string }, Record<string, string>, string]>([
    ['no name of its source', { name: '' }, { source: 'x' }, 'expected a sha256 as source in its metadata but received "x"'],
    ['another precision', { name: '' }, { precision: 'int4' }, 'expected precision "int8" in its metadata but received "int4"'],
    ['a tensor missing', { name: 'conv2d_7/bias', dtype: 'I32', shape: [0], data: new Int32Array(0) }, {}, 'conv2d_7/bias but received'],
    [
      'another shape',
      { name: 'conv2d_1/kernel', dtype: 'I8', shape: [1], data: new Int8Array(1) },
      {},
      'expected I8 of shape [3, 3, 3, filters] for conv2d_1/kernel but received I8 of shape [1]',
    ],
    [
      'another type',
      { name: 'activation_12/unpooled_zero', dtype: 'I8', shape: [1], data: new Int8Array(1) },
      {},
      'expected U8 of shape [1] for activation_12/unpooled_zero but received I8',
    ],
    [
      'a step that is none',
      { name: 'activation_12/unpooled_step', data: Float32Array.of(0) },
      {},
      'expected positive numbers in activation_12/unpooled_step but received 0 at index 0',
    ],
  ])('with %s are refused', async (_, tensor, words, problem) => {
    const bytes = await changed(tensor, words);
    expect(() => decodeInt8Weights(bytes, 'a file')).toThrow(
      expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(problem) as string }) as Error,
    );
  });

  test('of another format version are refused as such', async () => {
    const bytes = await changed({ name: '' }, { format: '2' });
    expect(() => decodeInt8Weights(bytes, 'a file')).toThrow(expect.objectContaining({ code: 'FORMAT_VERSION' }) as Error);
  });
});
