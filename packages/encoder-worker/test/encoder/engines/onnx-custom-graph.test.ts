import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCustomFile } from '../../../src/encoder/custom/custom-file';
import { parseWritten } from '../../../src/encoder/custom/description';
import { checkFilePrecision, decodeEncoderFile } from '../../../src/encoder/encoder-file';
import type { EncoderEngine } from '../../../src/encoder/engines/engine';
import { openEngine } from '../../../src/encoder/engines/open';
import { type CustomEncoderOptions, customDescription, customModel, expectedMap } from '../../custom-encoder';

const SIDE = 32;
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'showtell-custom-graph-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** Two pictures of noise. */
const pixels = Uint8Array.from({ length: 2 * SIDE * SIDE * 3 }, (_, index) => (Math.imul(index + 7, 2_654_435_761) >>> 16) & 255);
const byteAt = (picture: number, row: number, column: number, channel: number) =>
  pixels[((picture * SIDE + row) * SIDE + column) * 3 + channel]!;

async function withEngine<T>(options: CustomEncoderOptions, written: object, use: (engine: EncoderEngine) => Promise<T>): Promise<T> {
  const weights = join(folder, 'encoder');
  writeFileSync(weights, encodeCustomFile(customModel(options), parseWritten(JSON.stringify(written), 'tiny.json')));
  const engine = await openEngine({ weights, precision: 'float32', engine: 'onnx', device: 'cpu', threads: 1 });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

const mean = (map: number[][]) => map[0]!.map((_, index) => map.reduce((sum, cell) => sum + cell[index]!, 0) / map.length);

const means = [0.485, 0.456, 0.406];
const stds = [0.229, 0.224, 0.225];
const normalised = (picture: number) => (channel: number, row: number, column: number) =>
  (byteAt(picture, row, column, channel) / 255 - means[channel]!) / stds[channel]!;

test.each<[string, CustomEncoderOptions]>([
  ['a feature', {}],
  ['channels last', { layout: 'nhwc' }],
  ['batch of one', { batch: 1 }],
  ['float16', { type: 'float16' }],
  ['tokens', { gives: 'tokens' }],
  ['a map', { gives: 'map' }],
  ['a map with channels last', { gives: 'map', layout: 'nhwc' }],
  ['tokens in float16', { gives: 'tokens', type: 'float16' }],
])('%s: pixels go in as described, and come out pooled', async (_name, options) => {
  await withEngine(options, customDescription(options), async (engine) => {
    expect(engine).toMatchObject({ side: SIDE, dimension: 5 });
    const features = await engine.encode(pixels, 2);
    const expected = [0, 1].flatMap((picture) => mean(expectedMap(options, normalised(picture))));
    expect(features).toHaveLength(10);
    const tolerance = options.type === 'float16' ? 2e-3 : 2e-6;
    for (const [index, value] of features.entries()) expect(Math.abs(value - expected[index]!)).toBeLessThan(tolerance);
  });
});

test('the first token is apart from the others', async () => {
  const options = { gives: 'tokens' } as const;
  const { output, ...rest } = customDescription(options);
  await withEngine(options, { ...rest, output: { ...output, pooling: 'first-token' } }, async (engine) => {
    const features = await engine.encode(pixels.subarray(0, pixels.length / 2), 1);
    const [first] = expectedMap(options, normalised(0));
    for (const [index, value] of features.entries()) expect(Math.abs(value - first![index]!)).toBeLessThan(2e-6);
  });
});

test('blue first, a range of its own, and a scale: mean and scale are by the model’s channels', async () => {
  const written = customDescription();
  const input = { name: 'image', side: SIDE, colours: 'bgr', range: [0, 255], mean: [10, 20, 30], scale: [0.1, 0.2, 0.3] };
  await withEngine({}, { ...written, input }, async (engine) => {
    const features = await engine.encode(pixels.subarray(0, pixels.length / 2), 1);
    const expected = mean(
      expectedMap({}, (channel, row, column) => (byteAt(0, row, column, 2 - channel) - input.mean[channel]!) * input.scale[channel]!),
    );
    for (const [index, value] of features.entries()) expect(Math.abs(value - expected[index]!)).toBeLessThan(2e-5);
  });
});

test('InceptionV3’s scaling is one such description', () => {
  const { input } = parseWritten(
    JSON.stringify({
      name: 'inception',
      input: { name: 'x', side: 299, layout: 'nhwc', range: [-1, 1] },
      output: { name: 'y', dimension: 2048 },
    }),
    'x.json',
  );
  expect(input.scale.map((value) => value * 127.5)).toEqual([1, 1, 1]);
  expect(input.offset).toEqual([-1, -1, -1]);
});

test('it is computed in its own numbers only', () => {
  const bytes = encodeCustomFile(customModel(), parseWritten(JSON.stringify(customDescription()), 'tiny.json'));
  const file = decodeEncoderFile(bytes, 'tiny.onnx');
  expect(() => checkFilePrecision(file, 'float32', 'tiny.onnx')).not.toThrow();
  for (const precision of ['float16', 'int8'] as const)
    expect(() => checkFilePrecision(file, precision, 'tiny.onnx')).toThrow(`Expected an encoder for ${precision} in tiny.onnx`);
});
