import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IMAGENET, resolveWeights } from '../../../src/encoder/weights/resolve';
import { type KerasDataset, publishedLayout, writeKerasFiles } from '../../keras-file';
import { narrowTensors, narrowWeights } from '../../narrow-weights';

describe('resolveWeights', () => {
  const narrow = narrowWeights(1);
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-weights-'));
    await writeKerasFiles(Object.fromEntries(Object.entries(kerasFiles()).map(([name, datasets]) => [join(folder, name), datasets])));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (name: string, body: string | Uint8Array) => {
    await writeFile(join(folder, name), body);
    return name;
  };
  const resolveIn = (name: string) => resolveWeights(join(folder, name));
  const refusal = async (name: string): Promise<unknown> =>
    resolveIn(name).then(
      () => `${name} was accepted`,
      (error: unknown) => error,
    );
  const invalid = (message: string) => ({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(message) as string });

  test('bundled is 2048-d', async () => {
    expect(await resolveWeights('bundled')).toMatchObject({ dimension: 2048, description: expect.stringContaining('nsfwjs') as string });
  });

  test('a canonical file and a Keras file of the published layout have one identity, with its top or without', async () => {
    const canonical = await resolveIn(await write('narrow.safetensors', narrow.safetensors));
    const { sha256, dimension } = narrow;
    expect(canonical).toMatchObject({ sha256, dimension, encoder: 'inception-v3', preprocessing: 'centre-square-299-linear-v1' });
    for (const { bytes } of [canonical, await resolveIn('notop.h5'), await resolveIn('top.h5')])
      expect(bytes.equals(narrow.safetensors)).toBe(true);
  });

  test('a file that is absent, a folder, neither HDF5 nor safetensors, or empty', async () => {
    expect(await refusal('absent.h5')).toMatchObject(invalid(`There is no weights file ${join(folder, 'absent.h5')}`));
    expect(await refusal('.')).toMatchObject(invalid('cannot be read'));
    expect(await refusal(await write('page.h5', '<html>404</html>'))).toMatchObject(invalid('Expected an HDF5 or safetensors file'));
    expect(await refusal(await write('empty.h5', ''))).toMatchObject(invalid('(0 bytes)'));
  });

  test('a truncated HDF5 file', async () => {
    const whole = await readFile(join(folder, 'notop.h5'));
    expect(await refusal(await write('half.h5', whole.subarray(0, whole.length / 2)))).toMatchObject(invalid('truncated file'));
    expect(await refusal(await write('signature.h5', whole.subarray(0, 8)))).toMatchObject(invalid('cannot be read as HDF5'));
  });

  test.each([
    ['other.h5', 'it has no conv2d_1/kernel'],
    ['shapes.h5', 'for conv2d_5/kernel but received [1, 1, 6, 8]'],
    ['nan.h5', 'conv2d_9/kernel but received NaN at index 7'],
    ['float64.h5', 'expected a float32 dataset for conv2d_1/conv2d_1/kernel:0'],
  ])('an HDF5 file that is no InceptionV3 (%s): %s', async (name, message) => {
    expect(await refusal(name)).toMatchObject(invalid(message));
  });

  test.each([
    ['legacy.h5', 'a Keras 3 legacy .h5 weights file, a layout that is not supported yet'],
    ['model.h5', 'a whole-model .h5 file, a layout that is not supported yet'],
    ['keras3.weights.h5', 'a Keras 3 .weights.h5 file, a layout that is not supported yet'],
    ['archive.keras', 'a .keras archive, a layout that is not supported yet'],
  ])('%s is recognised: %s', async (name, message) => {
    await write('archive.keras', 'PK\x03\x04 and so on');
    expect(await refusal(name)).toMatchObject(invalid(message));
  });

  test('imagenet says where to get the file; the published name promises the published bytes', async () => {
    await expect(resolveWeights('imagenet')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      hint: expect.stringContaining(IMAGENET.url) as string,
    });
    expect(await refusal(IMAGENET.file)).toMatchObject(invalid(`Expected MD5 ${IMAGENET.md5}`));
  });
});

function kerasFiles(): Record<string, KerasDataset[]> {
  const tensors = narrowTensors(1);
  const published = publishedLayout(tensors);
  const one = (path: string): KerasDataset[] => [{ path, shape: [1], data: [1] }];
  const { shape, data } = tensors.get('conv2d_9/kernel')!;
  return {
    'notop.h5': published,
    'top.h5': [...published, { path: 'predictions/predictions/kernel:0', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }],
    'other.h5': one('dense/kernel:0'),
    'shapes.h5': publishedLayout(new Map(tensors).set('conv2d_5/kernel', { shape: [1, 1, 6, 8], data: new Float32Array(48) })),
    'nan.h5': publishedLayout(
      new Map(tensors).set('conv2d_9/kernel', { shape, data: data.map((value, at) => (at === 7 ? Number.NaN : value)) }),
    ),
    'float64.h5': published.map((dataset, index) => (index === 0 ? { ...dataset, dtype: '<d' } : dataset)),
    'legacy.h5': one('conv2d/conv2d/kernel'),
    'model.h5': one('model_weights/conv2d/kernel'),
    'keras3.weights.h5': one('layers/conv2d/vars/0'),
    [IMAGENET.file]: published,
  };
}
