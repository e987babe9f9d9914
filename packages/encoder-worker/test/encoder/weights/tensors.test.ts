import { sha256 } from '@showtell/shared/hash';
import { decodeSafetensors, encodeSafetensors } from '@showtell/shared/safetensors';
import { collectWeights, decodeWeights, encodeWeights, type FoundTensor } from '../../../src/encoder/weights/tensors';
import { narrowEncoderWeights, narrowTensors, narrowWeights } from '../../narrow-weights';

const collect = (tensors: Map<string, FoundTensor>) =>
  collectWeights((layer, variable) => tensors.get(`${layer}/${variable}`), 'x/127.5-1', 'a file');

describe('encoder weights', () => {
  test('come back from the canonical file as they were', () => {
    const weights = narrowEncoderWeights(1);
    expect(decodeWeights(encodeWeights(weights), 'a file')).toEqual(weights);
  });

  test('the canonical file has Keras names in creation order and is the same for one seed', () => {
    const names = [...decodeSafetensors(narrowWeights(1).safetensors, 'a file').tensors.keys()];
    expect(names).toHaveLength(94 * 4);
    expect(names.slice(0, 5)).toEqual([
      'conv2d_1/kernel',
      'batch_normalization_1/beta',
      'batch_normalization_1/moving_mean',
      'batch_normalization_1/moving_variance',
      'conv2d_2/kernel',
    ]);
    expect(narrowWeights(1).sha256).toBe(narrowWeights(1).sha256);
    expect(narrowWeights(1).sha256).not.toBe(narrowWeights(2).sha256);
  });

  test('a file with the tensors in another order gives the same canonical bytes', () => {
    const { tensors, metadata } = decodeSafetensors(narrowWeights(1).safetensors, 'a file');
    const shuffled = encodeSafetensors([...tensors.values()].reverse(), metadata);
    expect(sha256(encodeWeights(decodeWeights(shuffled, 'a file')))).toBe(narrowWeights(1).sha256);
  });

  test('the input scaling is part of the identity, and so is gamma', () => {
    const weights = narrowEncoderWeights(1);
    const gamma = { ...weights, convolutions: weights.convolutions.map((one) => ({ ...one, gamma: one.beta.map(() => 1) })) };
    const identities = [weights, { ...weights, input: 'x/255' as const }, gamma].map((each) => sha256(encodeWeights(each)));
    expect(new Set(identities).size).toBe(3);
    expect(decodeWeights(encodeWeights(gamma), 'a file')).toEqual(gamma);
  });

  test.each<[string, (tensors: Map<string, FoundTensor>) => void, string]>([
    ['a missing tensor', (t) => t.delete('batch_normalization_60/beta'), 'it has no batch_normalization_60/beta'],
    [
      'a kernel of another size',
      (t) => t.set('conv2d_8/kernel', { shape: [3, 3, 4, 6], data: new Float32Array(216) }),
      'expected shape [5, 5, 6, filters] for conv2d_8/kernel but received [3, 3, 4, 6]',
    ],
    [
      'a kernel that does not fit what it reads',
      (t) => t.set('conv2d_2/kernel', { shape: [3, 3, 5, 8], data: new Float32Array(360) }),
      'expected shape [3, 3, 6, filters] for conv2d_2/kernel but received [3, 3, 5, 8]',
    ],
    [
      'a batch-norm of another width',
      (t) => t.set('batch_normalization_94/moving_mean', { shape: [9], data: new Float32Array(9) }),
      'for batch_normalization_94/moving_mean but received [9]',
    ],
    [
      'a kernel without filters',
      (t) => t.set('conv2d_1/kernel', { shape: [3, 3, 3, 0], data: new Float32Array(0) }),
      'received [3, 3, 3, 0]',
    ],
    [
      'NaN',
      (t) => t.get('conv2d_40/kernel')!.data.fill(Number.NaN, 5),
      'expected finite numbers in conv2d_40/kernel but received NaN at index 5',
    ],
    [
      'infinity',
      (t) => t.get('batch_normalization_1/beta')!.data.fill(Infinity),
      'in batch_normalization_1/beta but received Infinity at index 0',
    ],
    ['a negative variance', (t) => t.get('batch_normalization_3/moving_variance')!.data.fill(-1), 'batch_normalization_3/moving_variance'],
  ])('%s is WEIGHTS_INVALID and says where', (_, damage, message) => {
    const tensors = narrowTensors(1);
    damage(tensors);
    expect(() => collect(tensors)).toThrow(
      expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(message) as string }),
    );
  });

  test('a safetensors file of something else, another format or another scaling is refused', () => {
    const { tensors, metadata } = decodeSafetensors(narrowWeights(1).safetensors, 'a file');
    const withMetadata = (change: Record<string, string>) => () =>
      decodeWeights(encodeSafetensors([...tensors.values()], { ...metadata, ...change }), 'a file');
    expect(withMetadata({ encoder: 'resnet' })).toThrow('Expected encoder "inception-v3" in the metadata of a file but received "resnet"');
    expect(withMetadata({ format: '2' })).toThrow(expect.objectContaining({ code: 'FORMAT_VERSION' }));
    expect(withMetadata({ input: 'x' })).toThrow('Expected input scaling x/127.5-1 or x/255 in a file but received "x"');
    expect(() => decodeWeights(Buffer.from('nothing of the kind'), 'a file')).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID' }));
  });
});
