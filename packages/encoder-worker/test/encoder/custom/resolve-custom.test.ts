import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@showtell/shared/hash';
import { Graph } from '@showtell/shared/onnx/graph';
import { encodeCustomFile } from '../../../src/encoder/custom/custom-file';
import { parseWritten } from '../../../src/encoder/custom/description';
import { resolveWeights } from '../../../src/encoder/weights/resolve';
import { type CustomEncoderOptions, customDescription, customModel, writeCustomEncoder } from '../../custom-encoder';

let root: string;
let folder: string;
let count = 0;
beforeAll(() => (root = mkdtempSync(join(tmpdir(), 'showtell-custom-'))));
beforeEach(() => mkdirSync((folder = join(root, String(++count)))));
afterAll(() => rmSync(root, { recursive: true }));

const described = (options: CustomEncoderOptions, change: (description: ReturnType<typeof customDescription>) => unknown) =>
  resolveWeights(writeCustomEncoder(folder, options, change(customDescription(options))));
const refusal = (resolving: Promise<unknown>) =>
  resolving.then(
    () => 'it was accepted',
    (error: unknown) => error,
  );
const invalid = (...parts: string[]) => ({
  code: 'WEIGHTS_INVALID',
  message: expect.stringMatching(
    new RegExp(parts.map((part) => part.replaceAll(/[[\]().?*+{}|\\^$]/g, String.raw`\$&`)).join('[^]*')),
  ) as string,
});

describe('an encoder of the user’s own', () => {
  test('its name, side and dimension are those of its JSON', async () => {
    const resolved = await resolveWeights(writeCustomEncoder(folder, { side: 48, dimension: 7 }));
    expect(resolved).toMatchObject({
      encoder: 'tiny-conv',
      preprocessing: 'centre-square-48-linear-v1',
      dimension: 7,
      precisions: ['float32'],
      description: expect.stringContaining('tiny-conv, 7-d, side 48') as string,
    });
  });

  test('model and description have one identity, however the description was written', () => {
    const identity = (model: Uint8Array, written: unknown) =>
      sha256(encodeCustomFile(model, parseWritten(JSON.stringify(written), 'tiny.json')));
    const whole = customDescription();
    const { name, input, output } = whole;
    const first = identity(customModel(), whole);
    const scale = [0.229, 0.224, 0.225].map((std) => 1 / std);
    const same = {
      output: { dimension: output.dimension, name: output.name },
      input: { name: input.name, side: input.side, layout: input.layout, mean: input.mean, scale, colours: 'rgb', range: [0, 1] },
      name,
    };
    expect(identity(customModel(), same)).toBe(first);
    expect(identity(customModel(), { ...whole, input: { ...input, mean: 0 } })).not.toBe(first);
    expect(identity(customModel({ factor: 2 }), whole)).not.toBe(first);
  });

  test('what came out of the store needs no JSON', async () => {
    const stored = await resolveWeights(writeCustomEncoder(folder));
    writeFileSync(join(folder, 'stored.onnx'), stored.bytes);
    expect(await resolveWeights(join(folder, 'stored.onnx'))).toMatchObject({ sha256: stored.sha256, encoder: 'tiny-conv' });
  });

  test('any value within a model can be the feature', async () => {
    const { output, ...rest } = customDescription();
    const resolved = await described({}, () => ({ ...rest, output: { ...output, name: 'map' } }));
    expect(resolved).toMatchObject({ dimension: 5 });
  });

  test('a model that takes one picture, in float16', async () => {
    expect(await resolveWeights(writeCustomEncoder(folder, { batch: 1, type: 'float16', gives: 'map' }))).toMatchObject({ dimension: 5 });
  });
});

describe('what is wrong with it is said', () => {
  test('every problem of the JSON at once', async () => {
    const refused = await refusal(
      described({}, (whole) => ({ ...whole, name: 'Tiny Conv', input: { ...whole.input, side: 8, layout: 'chw', scale: 2, size: 3 } })),
    );
    expect(refused).toMatchObject({
      ...invalid('tiny.json does not describe an encoder', 'name: ', 'input.side: ', 'input.layout: '),
      hint: expect.stringContaining('docs/encoder.md') as string,
    });
    expect((refused as Error).message).toContain('"size"');
  });

  test.each([
    ['std and scale', { scale: 2 }, 'input.scale: expected std or scale, not both'],
    ['a std of 0', { std: [1, 0, 1] }, 'input.std: expected no 0'],
    ['an empty range', { range: [1, 1] }, 'input.range: expected two different numbers'],
    ['two means', { mean: [1, 2] }, 'input.mean: expected a number, or an array of three'],
  ])('%s', async (_name, input, message) => {
    expect(await refusal(described({}, (whole) => ({ ...whole, input: { ...whole.input, ...input } })))).toMatchObject(invalid(message));
  });

  test('a name that is taken', async () => {
    expect(await refusal(described({}, (whole) => ({ ...whole, name: 'inception-v3' })))).toMatchObject(invalid('name: inception-v3'));
  });

  test('no model, no JSON, no JSON in it', async () => {
    expect(await refusal(resolveWeights(join(folder, 'absent.onnx')))).toMatchObject(invalid('There is no', 'absent.onnx'));
    writeFileSync(join(folder, 'alone.onnx'), customModel());
    expect(await refusal(resolveWeights(join(folder, 'alone.onnx')))).toMatchObject(invalid('There is no', 'alone.json, which says'));
    expect(await refusal(resolveWeights(writeCustomEncoder(folder, {}, '{ name: tiny }')))).toMatchObject(invalid('tiny.json is not JSON'));
  });

  test.each([
    ['a page', Buffer.from('<html>404</html>')],
    ['nothing', Buffer.alloc(0)],
    ['a model that was cut short', customModel().subarray(0, 900)],
    ['another protobuf message', Buffer.from([0x0a, 0x03, 0x61, 0x62, 0x63])],
  ])('%s under the name of a model', async (_name, bytes) => {
    const path = writeCustomEncoder(folder);
    writeFileSync(path, bytes);
    expect(await refusal(resolveWeights(path))).toMatchObject(invalid('Expected an ONNX model', `(${bytes.length} bytes)`));
  });

  test.each([
    ['input', 'has no input "pixels"; there is image: float32 [?, 3, 32, 32]'],
    ['output', 'has no output "pixels"; there is out: float32 [?, 5]'],
  ] as const)('no such %s: those there are', async (port, message) => {
    expect(await refusal(described({}, (whole) => ({ ...whole, [port]: { ...whole[port], name: 'pixels' } })))).toMatchObject(
      invalid(message),
    );
  });

  test.each<[string, CustomEncoderOptions, object, string]>([
    ['another side', {}, { input: { side: 64 } }, 'expects image: float32 [?, 3, 32, 32] but its description says [n, 3, 64, 64]'],
    ['another layout', {}, { input: { layout: 'nhwc' } }, 'but its description says [n, 32, 32, 3]: side 32, layout nhwc'],
    ['a batch of four', { batch: 4 }, {}, 'takes exactly 4 pictures at once'],
    ['pooling of a feature', {}, { output: { pooling: 'mean' } }, 'out: float32 [?, 5], of rank 2; pooling "mean" takes rank 3 or 4'],
    ['first token of a map', { gives: 'map' }, { output: { pooling: 'first-token' } }, 'pooling "first-token" takes rank 3'],
    ['another dimension', {}, { output: { dimension: 6 } }, 'gives a feature of 5 numbers but its description says 6'],
    ['a map without pooling', { gives: 'map' }, { output: { pooling: 'none' } }, 'a feature of 20 numbers'],
    ['numbers that are not finite', { factor: Number.NaN }, {}, 'gives NaN at place 0'],
    ['numbers too great for float16', { type: 'float16', factor: 1e9 }, {}, 'gives '],
  ])('%s', async (_name, options, change, message) => {
    const changes = change as { input?: object; output?: object };
    const refused = await refusal(
      described(options, (whole) => ({
        ...whole,
        input: { ...whole.input, ...changes.input },
        output: { ...whole.output, ...changes.output },
      })),
    );
    expect(refused).toMatchObject(invalid('tiny.onnx', message));
  });

  test('more inputs than pictures, an input of integers, an operator that nobody has', async () => {
    const model = (build: (graph: Graph, image: string) => void, type: 'float32' | 'int64' = 'float32') => {
      const path = writeCustomEncoder(folder);
      const graph = new Graph();
      build(graph, graph.input('image', type, ['n', 3, 32, 32]));
      graph.output('out', 'float32', ['n', 5]);
      writeFileSync(path, graph.encode());
      return refusal(resolveWeights(path));
    };
    const two = (graph: Graph, image: string) => graph.op('Add', [image, graph.input('text', 'float32', ['n', 7])], {}, { output: 'out' });
    expect(await model(two)).toMatchObject(invalid('takes more than pictures: there are image', 'text: float32 [?, 7]'));
    const cast = (graph: Graph, image: string) => graph.op('Cast', [image], { to: 1 }, { output: 'out' });
    expect(await model(cast, 'int64')).toMatchObject(invalid('expects image: int64 [?, 3, 32, 32]; Showtell feeds float32 or float16'));
    const foreign = (graph: Graph, image: string) => graph.op('Dream', [image], {}, { output: 'out' });
    expect(await model(foreign)).toMatchObject(invalid('cannot encode two pictures at once', 'Dream'));
    const once = (graph: Graph, image: string) => graph.op('Reshape', [image, graph.int([1, 5])], {}, { output: 'out' });
    expect(await model(once)).toMatchObject(invalid('cannot encode two pictures at once'));
  });
});
