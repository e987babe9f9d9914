import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { encodeWeights } from '../../../src/encoder/weights/tensors';
import { readWeightsFile } from '../../../src/encoder/weights/weights-file';
import { type KerasAttribute, type KerasDataset, keras3Layout, publishedLayout, writeKerasFiles } from '../../keras-file';
import { narrowTensors, narrowWeights } from '../../narrow-weights';
import { zipFile } from '../../zip-file';

type Content = readonly (KerasDataset | KerasAttribute)[];

const tensors = narrowTensors(1);
const published = publishedLayout(tensors);
const one = (...paths: string[]): KerasDataset[] => paths.map((path) => ({ path, shape: [1], data: [1] }));
const within = (group: string, datasets: readonly KerasDataset[]) => datasets.map((each) => ({ ...each, path: `${group}/${each.path}` }));
const changed = (name: string, change: (data: Float32Array) => Float32Array, shape = tensors.get(name)!.shape) =>
  publishedLayout(new Map(tensors).set(name, { shape, data: change(tensors.get(name)!.data) }));
const config = (...layers: [kind: string, settings: object][]) =>
  JSON.stringify({
    class_name: 'Functional',
    config: { layers: layers.map(([kind, settings]) => ({ class_name: kind, config: settings })) },
  });
const modelConfig = (...layers: [string, object][]): KerasAttribute => ({ of: '', attribute: 'model_config', value: config(...layers) });
const wholeModel = within('model_weights', published);

/** Whatever else their names and places can be is tested without HDF5: `findInception`. */
const KERAS: Record<string, Content> = {
  'published.h5': published,
  'whole model': [
    ...wholeModel,
    ...one('optimizer_weights/conv2d/conv2d/kernel:0'),
    modelConfig(['Rescaling', { scale: 1 / 127.5, offset: -1 }]),
  ],
  'weights.h5, numbered by place': keras3Layout(tensors),
  'weights.h5 with names': keras3Layout(tensors, (kind, number) => `inner_${kind}_${number}`),
};

const WRONG: Record<string, [Content, message: string]> = {
  data: [one('images', 'labels'), 'is not an InceptionV3: expected 94 convolutions named conv2d… but found none; it holds images, labels'],
  ResNet: [
    [...one('layers/conv2d/vars/0'), { of: 'layers/conv2d/vars', attribute: 'name', value: 'conv2_block1_1_conv' }],
    'but found 1; it seems to be a ResNet',
  ],
  InceptionResNetV2: [[...published, ...one('block35_1_conv/block35_1_conv/kernel:0')], 'it seems to be an InceptionResNetV2'],
  NaN: [
    changed('conv2d_9/kernel', (data) => data.map((value, at) => (at === 7 ? Number.NaN : value))),
    'in conv2d_9/kernel but received NaN at index 7',
  ],
  'a bias': [[...published, ...one('conv2d_3/conv2d_3/bias:0')], 'expected no bias but found conv2d_3/bias'],
  float64: [
    published.map((dataset, index) => (index === 0 ? { ...dataset, dtype: '<d' } : dataset)),
    'expected float32 numbers for conv2d_1/conv2d_1/kernel:0 but found numpy\'s type "<d"',
  ],
};

describe('a weights file', () => {
  let folder: string;
  let h5: Buffer;
  const paths = new Map<string, string>();
  const outcomes = new Map<string, unknown>();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'showtell-weights-'));
    const contents = {
      ...KERAS,
      ...Object.fromEntries(Object.entries(WRONG).map(([name, [content]]) => [name, content])),
      'x/255': [...wholeModel, modelConfig(['Rescaling', { scale: 1 / 255, offset: 0 }])],
    };
    // Names say nothing.
    for (const [index, name] of Object.keys(contents).entries()) paths.set(name, join(folder, `file-${index}`));
    await writeKerasFiles(Object.fromEntries(Object.entries(contents).map(([name, content]) => [paths.get(name)!, content])));
    // All at once: each is read in a thread of its own.
    await Promise.all(Array.from(paths, async ([name, path]) => outcomes.set(name, await outcomeOf(path))));
    h5 = await readFile(paths.get('weights.h5 with names')!);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const write = async (name: string, body: string | Uint8Array) => {
    await writeFile(join(folder, name), body);
    return join(folder, name);
  };
  const identity = async (path: string) => sha256(encodeWeights(await readWeightsFile(path)));
  const outcomeOf = async (path: string): Promise<unknown> => identity(path).catch((error: unknown) => error);
  const refusal = async (path: string): Promise<unknown> => {
    const outcome = await outcomeOf(path);
    return typeof outcome === 'string' ? `${path} was accepted` : outcome;
  };
  const archive = (entries: Parameters<typeof zipFile>[0]) => write('archive', zipFile(entries));
  const inArchive = (rest: object = {}) => [{ name: 'model.weights.h5', body: h5, ...rest }];

  test.each(Object.keys(KERAS))('%s has the identity of the weights', async (name) => {
    expect(outcomes.get(name)).toBe(narrowWeights(1).sha256);
  });

  test.each([false, true])('so has a .keras archive (compressed: %s), and the canonical file', async (compressed) => {
    const entries = [
      { name: 'metadata.json', body: Buffer.from('{}') },
      { name: 'config.json', body: Buffer.from(config()), compressed },
    ];
    expect(await identity(await archive([...entries, ...inArchive({ compressed })]))).toBe(narrowWeights(1).sha256);
    expect(await identity(await write('canonical', narrowWeights(1).safetensors))).toBe(narrowWeights(1).sha256);
  });

  test('the input scaling is taken from a configuration', async () => {
    expect((await readWeightsFile(paths.get('x/255')!)).input).toBe('x/255');
    const body = Buffer.from(config(['Rescaling', { scale: 1 / 255, offset: 0 }]));
    expect((await readWeightsFile(await archive([...inArchive(), { name: 'config.json', body }]))).input).toBe('x/255');
  });

  test.each(Object.entries(WRONG).map(([name, [, message]]) => [name, message]))('%s: %s', async (name, message) => {
    expect(outcomes.get(name)).toMatchObject({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(message) as string });
  });

  test.each<[is: string, body: Buffer, hint: string]>([
    ['empty', Buffer.alloc(0), 'Download it again'],
    ['a web page', Buffer.from('\n<!DOCTYPE html><html>404</html>'), 'Download it again'],
    ['an XML document, perhaps', Buffer.from('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'), 'Download it again'],
    ["Git LFS's placeholder", Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:0\n'), 'git lfs pull'],
    ['a NumPy array', Buffer.from("\x93NUMPY\x01\x00v\x00{'descr': '<f4'}", 'latin1'), 'Keras saves'],
    ['a Python pickle', Buffer.from('80049506000000000000005d94286b2e', 'hex'), 'never does'],
    ['a Python pickle', Buffer.from('(dp0\nS"kernel"\np1\nF0.5\ns.'), 'never does'],
    ['a PyTorch file of the old format', Buffer.from('80028a0a6cfc9c46f9206aa850192e8002', 'hex'), 'never does'],
    [
      'the index of a TensorFlow checkpoint',
      Buffer.concat([Buffer.alloc(64), Buffer.from('57fb808b247547db', 'hex')]),
      'save it from Keras',
    ],
    ['the list of TensorFlow checkpoints', Buffer.from('model_checkpoint_path: "model.ckpt-7"\n'), 'save it from Keras'],
    ['a TensorFlow Lite model', Buffer.from('\x1c\x00\x00\x00TFL3\x00', 'latin1'), 'save it from Keras'],
    ['the graph of a TensorFlow SavedModel', Buffer.from('080112f5c33e0a', 'hex'), 'save it from Keras'],
    ['gzip-compressed', Buffer.from('1f8b0800', 'hex'), 'Unpack it first'],
    ['a tar archive', Buffer.concat([Buffer.alloc(257), Buffer.from('ustar\x0000', 'latin1')]), 'Unpack it first'],
    ['a JSON file', Buffer.from('{"modelTopology": {}}'), 'Keras saves'],
    ['neither HDF5, .keras nor safetensors', Buffer.from('something'), 'Keras saves'],
    ['a PyTorch file, a zip archive', zipFile([{ name: 'archive/data.pkl', body: Buffer.from('x') }]), 'never does'],
    ['a file of NumPy arrays', zipFile([{ name: 'arr_0.npy', body: Buffer.from('x') }]), 'Keras saves'],
    [
      'a zip archive with a TensorFlow SavedModel',
      zipFile([{ name: 'model/saved_model.pb', body: Buffer.from('x') }]),
      'save it from Keras',
    ],
    ['a zip archive around a weights file', zipFile([{ name: 'weights.h5', body: Buffer.from('x') }]), 'Unpack it first'],
    [
      'a zip archive but no .keras file: it has no model.weights.h5, but a.jpg',
      zipFile([{ name: 'a.jpg', body: Buffer.from('x') }]),
      'Keras saves',
    ],
  ])('it is %s', async (is, body, hint) => {
    expect(await refusal(await write('foreign', body))).toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringContaining(is) as string,
      hint: expect.stringContaining(hint) as string,
    });
  });

  test('a part of a checkpoint is told by its name alone; folders by what is in them', async () => {
    const message = (is: string) => ({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(`but it is ${is}`) as string });
    expect(await refusal(await write('model.data-00000-of-00001', 'xxxx'))).toMatchObject(message('a part of a TensorFlow checkpoint'));
    expect(await refusal(folder)).toMatchObject(message('a folder'));
    for (const [file, is] of [
      ['saved_model.pb', 'a folder with a TensorFlow SavedModel'],
      ['ckpt.index', 'a folder with TensorFlow checkpoints'],
    ] as const) {
      const path = join(folder, `of-${file}`);
      await mkdir(path);
      await writeFile(join(path, file), '');
      expect(await refusal(path)).toMatchObject(message(is));
    }
    expect(await refusal(join(folder, 'absent.h5'))).toMatchObject({ message: `There is no weights file ${join(folder, 'absent.h5')}` });
  });

  test.each([0.5, 0.999])('cut short to %f of its length', async (share) => {
    const whole = { h5, archive: zipFile(inArchive()), safetensors: narrowWeights(1).safetensors };
    const cut = Object.entries(whole).map(([name, body]) => write(`cut-${name}`, body.subarray(0, body.length * share)));
    for (const outcome of await Promise.all((await Promise.all(cut)).map(refusal)))
      expect(outcome).toMatchObject({ code: 'WEIGHTS_INVALID' });
  });

  test.each<[string, Parameters<typeof zipFile>[0], string]>([
    ['a damaged entry', [{ name: 'model.weights.h5', body: Buffer.from('x'), says: { crc32: 1 } }], 'its checksum is another'],
    ['an entry twice', [1, 2].map(() => ({ name: 'model.weights.h5', body: Buffer.from('x') })), 'has model.weights.h5 twice'],
    [
      'an encrypted entry',
      [{ name: 'model.weights.h5', body: Buffer.from('x'), compressed: true, says: { encrypted: true } }],
      'encrypted',
    ],
    [
      'a huge entry',
      [{ name: 'model.weights.h5', body: Buffer.from('x'), compressed: true, says: { bytes: 2 ** 31 } }],
      'at most 1073741824 are expected',
    ],
    [
      'a bomb that says it is small',
      [{ name: 'model.weights.h5', body: Buffer.alloc(1e7), compressed: true, says: { bytes: 1_000 } }],
      'cannot be read as a zip archive',
    ],
    ['entries that lead elsewhere', [{ name: '../model.weights.h5', body: Buffer.from('x') }], 'cannot be read as a zip archive'],
    ['another HDF5 file', [{ name: 'model.weights.h5', body: Buffer.from('\x89HDF\r\n\x1a\nxxx', 'latin1') }], 'model.weights.h5 in'],
    ['a configuration that is none', [{ name: 'config.json', body: Buffer.from('{') }], 'The configuration of'],
  ])('a .keras archive with %s', async (_, entries, message) => {
    const rest = entries[0]!.name === 'config.json' ? inArchive() : [];
    expect(await refusal(await archive([...entries, ...rest]))).toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringContaining(message) as string,
    });
  });
});
