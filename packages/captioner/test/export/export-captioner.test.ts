import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeCustomFile } from '@showtell/encoder-worker/encoder/custom/custom-file';
import { parseWritten } from '@showtell/encoder-worker/encoder/custom/description';
import { openEngine } from '@showtell/encoder-worker/encoder/engines/open';
import { openSession, Tensor } from '@showtell/shared/onnx/session';
import type { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { Random } from '@showtell/trainer/model/random';
import { customModel } from '../../../encoder-worker/test/custom-encoder';
import { narrowInt8Weights } from '../../../encoder-worker/test/narrow-int8-weights';
import { narrowWeights } from '../../../encoder-worker/test/narrow-weights';
import { openFileStore, temporaryFolder } from '../../../trainer/test/temporary-store';
import { exportCaptioner } from '../../src/export/export-captioner';
import { documentedSnippet, runNode, serveFolder } from './documented';
import { type SavedModel, saveModel } from './exported-model';

const folder = temporaryFolder();
const store = openFileStore(join(folder.path, 'store'));
const out = (name: string) => join(folder.path, 'out', name);
const described = (name: string) =>
  JSON.parse(readFileSync(join(out(name), 'captioner.json'), 'utf8')) as { models: Record<string, object>; [field: string]: unknown };
const features = join(folder.path, 'features.jsonl');
let seed: SavedModel;
beforeAll(async () => {
  seed = await saveModel(store, 'seed', narrowWeights(3).safetensors);
  seed.writeFeatures(features);
});
afterAll(async () => {
  await store.close();
  folder.remove();
});

/** Every layer of the network in more than one company. */
const VARIANTS: Readonly<Record<string, Partial<Hyperparameters>>> = {
  seed: {},
  'image first': { image: 'first-input', imageActivation: 'linear', standardize: true },
  'image first, layer norm, tied': { image: 'first-input', layerNorm: true, tiedEmbeddings: true },
  'image always': { image: 'every-input', tiedEmbeddings: true, embedding: 8 },
  'image always, layer norm, standardised': { image: 'every-input', layerNorm: true, standardize: true },
};

describe.each(Object.entries(VARIANTS))('%s', (name, hyperparameters) => {
  let saved: SavedModel;
  beforeAll(async () => {
    saved = await saveModel(store, `variant-${Object.keys(VARIANTS).indexOf(name)}`, narrowWeights(3).safetensors, hyperparameters);
  });

  test('captions differ from photo to photo', () => {
    expect(new Set(saved.captions).size).toBeGreaterThan(1);
  });

  test('onnx: the documented loop over a plain onnxruntime says the same captions', async () => {
    await exportCaptioner(store, saved.model, out(`onnx ${name}`), { format: 'onnx' });
    const said = await runNode(folder.path, documentedSnippet('caption-onnx.js'), [out(`onnx ${name}`), features]);
    expect(said).toEqual(saved.captions);
  });

  test('tfjs: the documented loop over stock TensorFlow.js says the same captions', async () => {
    await exportCaptioner(store, saved.model, out(`tfjs ${name}`), { format: 'tfjs' });
    const said = await serveFolder(out(`tfjs ${name}`), (url) =>
      runNode(folder.path, documentedSnippet('caption-tfjs.js'), [url, features]),
    );
    expect(said).toEqual(saved.captions);
  });
});

/** Two pictures of noise, [2, side, side, 3]. */
function noise(side: number): Uint8Array {
  const random = new Random(4);
  return Uint8Array.from({ length: 2 * side * side * 3 }, () => random.below(256));
}

/** What the encoder of the store makes of pictures, in the engine that Showtell captions with. */
async function featuresOf(weights: Buffer, precision: 'float32' | 'int8', pixels: Uint8Array): Promise<Float32Array> {
  const path = join(folder.path, 'encoder.weights');
  writeFileSync(path, weights);
  const engine = await openEngine({ weights: path, precision, engine: 'onnx', device: 'cpu', threads: 1 });
  const encoded = await engine.encode(pixels, 2);
  await engine.close();
  return encoded;
}

/** What an exported encoder makes of them, in a session that knows only the file. */
async function encodedBy(path: string, side: number, pixels: Uint8Array): Promise<Float32Array> {
  const session = await openSession(readFileSync(path), { threads: 1 });
  const result = await session.run({ [session.inputNames[0]!]: new Tensor('uint8', pixels, [2, side, side, 3]) });
  await session.release();
  return result[session.outputNames[0]!]!.data as Float32Array;
}

describe('the encoder', () => {
  const own = encodeCustomFile(
    customModel({ side: 48, dimension: 7 }),
    parseWritten(JSON.stringify({ name: 'tiny-conv', input: { name: 'image', side: 48 }, output: { name: 'out', dimension: 7 } }), 'it'),
  );

  test.each([
    ['InceptionV3', () => narrowWeights(3).safetensors, 299, 'float32'],
    ['int8', async () => (await narrowInt8Weights(3, noise(299))).safetensors, 299, 'int8'],
    ['one of one’s own', () => own, 48, 'float32'],
  ] as const)('onnx: %s gives the same features', async (name, made, side, precision) => {
    const body = await made();
    const { model } = await saveModel(store, `onnx-${side}-${precision}`, body);
    await exportCaptioner(store, model, out(name), { format: 'onnx' });
    const found = await encodedBy(join(out(name), 'encoder.onnx'), side, noise(side));
    expect(found).toEqual(await featuresOf(body, precision, noise(side)));
    expect(described(name).models['encoder']).toMatchObject({ inputs: [{ type: 'uint8', shape: [null, side, side, 3] }] });
  });

  test('tfjs: InceptionV3 gives the same features in stock TensorFlow.js', async () => {
    const pixels = noise(299);
    writeFileSync(join(folder.path, 'pixels'), pixels);
    const program = `
      const tf = require('@tensorflow/tfjs');
      (async ([url, file]) => {
        const encoder = await tf.loadLayersModel(url + '/encoder/model.json');
        const pixels = tf.tensor4d(Float32Array.from(require('node:fs').readFileSync(file)), [2, 299, 299, 3]);
        console.log(JSON.stringify([...(await encoder.predict(pixels).data())]));
      })(process.argv.slice(2));`;
    const [line] = await serveFolder(out('tfjs seed'), (url) => runNode(folder.path, program, [url, join(folder.path, 'pixels')]));
    const found = JSON.parse(line!) as number[];
    const expected = await featuresOf(narrowWeights(3).safetensors, 'float32', pixels);
    expect(found).toHaveLength(expected.length);
    for (const [index, value] of expected.entries()) expect(found[index]).toBeCloseTo(value, 4);
  });

  test('tfjs: one of one’s own stays out, which is said', async () => {
    const { model } = await saveModel(store, 'own', own);
    expect(await exportCaptioner(store, model, out('own'), { format: 'tfjs' })).toMatchObject({ withEncoder: false });
    expect(Object.keys(described('own').models)).toEqual(['image', 'step']);
    expect(existsSync(join(out('own'), 'encoder'))).toBe(false);
  });
});

test('the folder says what it is', async () => {
  expect(readdirSync(out('onnx seed')).sort()).toEqual(
    [
      'README.md',
      'captioner.json',
      'decoding.json',
      'encoder.onnx',
      'image.onnx',
      'preprocessing.json',
      'step.onnx',
      'vocabulary.json',
    ].sort(),
  );
  for (const [format, languages] of [
    ['onnx', 'JavaScript and in Python'],
    ['tfjs', 'JavaScript'],
  ] as const)
    expect(readFileSync(join(out(`${format} seed`), 'README.md'), 'utf8')).toContain(`twenty lines in ${languages} is in`);
  expect(described('onnx seed')).toMatchObject({
    formatVersion: 1,
    format: 'onnx',
    checkpoint: { training: 'variant-0', step: 3, epoch: 1 },
    tokens: { pad: 0, start: 1, end: 2, unknown: 3 },
    neverSaid: [0, 1, 3],
    maxLength: 8,
  });
  expect(described('onnx seed').models['step']).toEqual({
    file: 'step.onnx',
    inputs: [
      { name: 'token', type: 'int64', shape: [null] },
      { name: 'hidden', type: 'float32', shape: [null, 8] },
      { name: 'cell', type: 'float32', shape: [null, 8] },
    ],
    outputs: [
      { name: 'log_probabilities', type: 'float32', shape: [null, 16] },
      { name: 'next_hidden', type: 'float32', shape: [null, 8] },
      { name: 'next_cell', type: 'float32', shape: [null, 8] },
    ],
  });
  expect(described('tfjs seed').models).toEqual({
    encoder: { file: 'encoder/model.json', inputs: ['pixels'], outputs: ['feature'] },
    image: { file: 'image/model.json', inputs: ['feature'], outputs: ['hidden', 'cell'] },
    step: { file: 'step/model.json', inputs: ['token', 'hidden', 'cell'], outputs: ['logits', 'next_hidden', 'next_cell'] },
  });
});

test('only standard operators are in the captioner’s models', () => {
  for (const name of ['image.onnx', 'step.onnx', 'encoder.onnx'])
    expect(readFileSync(join(out('onnx seed'), name)).includes('com.microsoft')).toBe(false);
});

test('many photos at once give each the same log-probabilities as alone', async () => {
  const { features: all, dimension } = seed;
  const rows = all.length / dimension;
  const image = await openSession(readFileSync(join(out('onnx seed'), 'image.onnx')), { threads: 1 });
  const step = await openSession(readFileSync(join(out('onnx seed'), 'step.onnx')), { threads: 1 });
  const scores = async (given: Float32Array, count: number) => {
    const state = await image.run({ features: new Tensor('float32', given, [count, dimension]) });
    const token = new Tensor('int64', new BigInt64Array(count).fill(1n), [count]);
    return (await step.run({ ...state, token }))['log_probabilities']!.data as Float32Array;
  };
  const together = await scores(all, rows);
  const words = together.length / rows;
  for (let row = 0; row < rows; row++) {
    const alone = await scores(all.slice(row * dimension, (row + 1) * dimension), 1);
    for (const [word, score] of alone.entries()) expect(together[row * words + word]).toBeCloseTo(score, 5);
  }
  await image.release();
  await step.release();
});

describe('what cannot be written', () => {
  test('a folder that is not empty, and a model that is not there, leave nothing behind', async () => {
    const before = readdirSync(out(''));
    await expect(exportCaptioner(store, seed.model, out('onnx seed'), { format: 'tfjs' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('is not empty') as string,
    });
    await expect(exportCaptioner(store, 'seed:99', out('absent'), { format: 'onnx' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(readdirSync(out(''))).toEqual(before);
  });

  test('a damaged checkpoint', async () => {
    const { model } = await saveModel(store, 'damaged', narrowWeights(3).safetensors);
    await store.put('trainings/damaged/checkpoints/00000003-1/weights.safetensors', Buffer.from('others'));
    await expect(exportCaptioner(store, model, out('damaged'), { format: 'onnx' })).rejects.toMatchObject({ code: 'CORRUPT_CHECKPOINT' });
    expect(existsSync(out('damaged'))).toBe(false);
  });
});
