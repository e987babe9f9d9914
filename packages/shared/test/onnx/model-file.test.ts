import protobuf from 'protobufjs';
import { Graph } from '../../src/onnx/graph';
import { readModelFile, withMetadata, wrapModel } from '../../src/onnx/model-file';
import { encodeMessage, encodeModel } from '../../src/onnx/onnx-proto';
import { openSession, Tensor } from '../../src/onnx/session';

/** y = 2x + 1, in the opset and IR version given. */
const model = (opset = 17, irVersion = 8) => {
  const tensor = (name: string, value: number) => ({
    name,
    dims: [1],
    dataType: 1,
    rawData: new Uint8Array(Float32Array.of(value).buffer),
  });
  const port = (name: string, dim: object[]) => ({ name, type: { tensorType: { elemType: 1, shape: { dim } } } });
  return encodeModel({
    irVersion,
    opsetImport: [{ domain: '', version: opset }],
    graph: {
      name: 'theirs',
      node: [
        { opType: 'Mul', input: ['x', 'two'], output: ['double'] },
        { opType: 'Add', input: ['double', 'one'], output: ['y'] },
        { opType: 'Neg', input: ['y'], output: ['minus'] },
      ],
      initializer: [tensor('two', 2), tensor('one', 1)],
      // Up to IR version 3 initializers are inputs as well.
      input: [
        port('x', [{ dimParam: 'n' }, { dimValue: 3 }]),
        ...(irVersion < 4 ? [port('two', [{ dimValue: 1 }]), port('one', [{ dimValue: 1 }])] : []),
      ],
      output: [port('y', [{ dimParam: 'n' }, { dimValue: 3 }]), port('minus', [{}, { dimValue: 3 }])],
    },
  });
};

test('the outside of a model: inputs without initializers, outputs, shapes as far as they are known', () => {
  for (const bytes of [model(), model(7, 3)])
    expect(readModelFile(bytes)).toMatchObject({
      inputs: [{ name: 'x', type: 'float32', shape: [undefined, 3] }],
      outputs: [
        { name: 'y', type: 'float32', shape: [undefined, 3] },
        { name: 'minus', type: 'float32', shape: [undefined, 3] },
      ],
      metadata: new Map(),
      external: undefined,
    });
  expect([...readModelFile(model()).values]).toMatchObject([
    ['double', { type: undefined, shape: undefined }],
    ['y', { type: 'float32', shape: [undefined, 3] }],
    ['minus', { type: 'float32' }],
  ]);
});

test('metadata is laid behind the model; the last of a key counts', async () => {
  const once = withMetadata(model(), 'showtell.test', 'first');
  const twice = withMetadata(withMetadata(once, 'other', 'ü'), 'showtell.test', 'second');
  expect(Buffer.from(twice.subarray(0, once.length)).equals(once)).toBe(true);
  expect([...readModelFile(twice).metadata]).toEqual([
    ['showtell.test', 'second'],
    ['other', 'ü'],
  ]);
  const session = await openSession(twice);
  expect((await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3), [1, 3]) }))['y']!.data).toEqual(Float32Array.of(3, 5, 7));
  await session.release();
});

test.each([
  [17, 8],
  [7, 3],
  [13, 7],
])('a model of opset %d, IR version %d runs between nodes of ours', async (opset, irVersion) => {
  const before = new Graph('our/');
  const bytes = before.input('our/bytes', 'uint8', ['n', 3]);
  before.op('Mul', [before.op('Cast', [bytes], { to: 1 }), before.float([1, 10, 100])], {}, { output: 'x' });
  const after = new Graph('our/after/');
  after.op('Mul', ['y', after.float(0.5)], {}, { output: 'our/half' });
  after.output('our/half', 'float32', ['n', 3]);
  const session = await openSession(wrapModel(model(opset, irVersion), 'x', before, after));
  expect([session.inputNames.filter((name) => name !== 'one' && name !== 'two'), session.outputNames]).toEqual([
    ['our/bytes'],
    ['our/half'],
  ]);
  const result = await session.run({ 'our/bytes': new Tensor('uint8', Uint8Array.of(1, 2, 3, 4, 5, 6), [2, 3]) });
  expect(result['our/half']!.data).toEqual(Float32Array.of(1.5, 20.5, 300.5, 4.5, 50.5, 600.5));
  await session.release();
});

describe('a tensor whose numbers lie in another file is found', () => {
  /** A field with a message in it. */
  const field = (id: number, ...pieces: Uint8Array[]) => {
    const body = Buffer.concat(pieces);
    return Buffer.from(
      new protobuf.Writer()
        .uint32(id * 8 + 2)
        .bytes(body)
        .finish(),
    );
  };
  // data_location (14): the schema that is written has no such field.
  const tensor = (...location: number[]) =>
    Buffer.concat([encodeMessage('TensorProto', { name: 'large', dims: [9], dataType: 1 }), Buffer.from([14 * 8, ...location])]);
  const outside = tensor(1);
  const opset = field(8, Buffer.from([16, 17]));
  const inGraph = (...pieces: Buffer[]) => Buffer.concat([field(7, ...pieces), opset]);
  const attribute = (...pieces: Buffer[]) => field(1, field(5, ...pieces));

  test.each([
    ['an initializer', inGraph(field(5, outside))],
    ['a sparse initializer', inGraph(field(15, field(1, outside)))],
    ['a constant', inGraph(attribute(field(5, outside)))],
    ['a list of constants', inGraph(attribute(field(10, outside)))],
    ['a branch', inGraph(attribute(field(6, field(5, outside))))],
    ['a loop in a branch', inGraph(attribute(field(11, attribute(field(6, field(5, outside))))))],
    ['a function', Buffer.concat([inGraph(attribute()), field(25, field(7, field(5, field(5, outside))))])],
    ['a training', Buffer.concat([inGraph(attribute()), field(20, field(2, field(5, outside)))])],
    ['a number of which C++ takes the lower half', inGraph(field(5, tensor(0x81, 0x80, 0x80, 0x80, 0x10)))],
  ])('%s', (_name, bytes) => expect(readModelFile(bytes).external).toBe('large'));

  test('and one that says that its numbers are in it is none', () => {
    expect(readModelFile(inGraph(field(5, tensor(0)))).external).toBeUndefined();
  });

  test('a model of a thousand levels is none', () => {
    let graph = field(5, outside);
    for (let level = 0; level < 1_000; level++) graph = attribute(field(6, graph));
    expect(() => readModelFile(inGraph(graph))).toThrow('nested more than 100 levels deep');
  });
});

test.each([
  ['nothing', Buffer.alloc(0), 'it holds no graph'],
  ['text', Buffer.from('<!DOCTYPE html>'), 'invalid wire type'],
  ['another message', Buffer.from([0x0a, 0x03, 0x61, 0x62, 0x63]), 'it holds no graph'],
  ['half a model', model().subarray(0, 60), 'index out of range'],
])('%s is no model', (_name, bytes, message) => {
  expect(() => readModelFile(bytes)).toThrow(message);
});
